/** The answers of the lab's resolver: whatever is asked for is the internet, which is one machine. RFC 1035, one question a message. */
import { INTERNET } from "./addresses.ts";

const HEADER = 12;
const TYPES: Readonly<Record<number, Buffer>> = {
  1: Buffer.from(INTERNET.v4.split(".").map(Number)),
  28: Buffer.from("26000077000000000000000000000080", "hex"),
};

/** The answer to a message; undefined for what is no question. */
export function dnsAnswer(message: Buffer): Buffer | undefined {
  const end = endOfQuestion(message);
  if (end === undefined) return undefined;
  const data = TYPES[message.readUInt16BE(end - 4)];
  const header = Buffer.from(message.subarray(0, HEADER));
  header.writeUInt16BE(0x8180, 2); // An answer, recursion available, no error.
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(data === undefined ? 0 : 1, 6);
  header.writeUInt32BE(0, 8);
  const question = message.subarray(HEADER, end);
  if (data === undefined) return Buffer.concat([header, question]);
  const record = Buffer.alloc(12);
  record.writeUInt16BE(0xc000 | HEADER, 0); // The name of the question.
  question.subarray(-4).copy(record, 2); // Its type and class.
  record.writeUInt32BE(60, 6);
  record.writeUInt16BE(data.length, 10);
  return Buffer.concat([header, question, record, data]);
}

function endOfQuestion(message: Buffer): number | undefined {
  if (message.length < HEADER + 5 || message.readUInt16BE(4) !== 1) return undefined;
  let at = HEADER;
  while (at < message.length) {
    const length = message.readUInt8(at);
    if (length === 0) return at + 5 <= message.length ? at + 5 : undefined;
    at += 1 + length;
  }
  return undefined;
}
