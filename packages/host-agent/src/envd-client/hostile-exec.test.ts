import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { Readable } from "node:stream";
import { suite, test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { process as envd } from "@roost/protocol/envd";
import { connectEnvd, type EnvdClient, type ExecRequest } from "./envd-client.ts";
import { wholeEnvelopes } from "./envelopes.ts";
import { fails } from "./testing/fails.ts";
import { envelope, flood, type HostileGuest, hostileGuest, httpAnswer } from "./testing/hostile-guest.ts";

const never = new AbortController().signal;
const STREAM = { "content-type": "application/connect+proto" };
const request: ExecRequest = { cmd: "true", args: [], env: {}, timeoutMs: 0, outputLimitBytes: 100_000 };

function clientOf(guest: HostileGuest): EnvdClient {
  return connectEnvd({
    address: guest.address,
    port: guest.port,
    limits: { answerMs: 1_000, silenceMs: 1_000, killGraceMs: 300 },
  });
}

type Event = Parameters<typeof create<typeof envd.ProcessEventSchema>>[1];

function told(event: NonNullable<Event>): Buffer {
  return envelope(0, toBinary(envd.StartResponseSchema, create(envd.StartResponseSchema, { event })));
}

const started = told({ event: { case: "start", value: { pid: 7 } } });
const ended = told({ event: { case: "end", value: { exitCode: 0, exited: true, status: "exit status 0" } } });
const endOfStream = envelope(2, Buffer.from("{}"));

function stdout(bytes: Uint8Array): Buffer {
  return told({ event: { case: "data", value: { output: { case: "stdout", value: bytes } } } });
}

/** Answers calls to Start and Connect by `stream`; signals are taken, and do nothing. */
function guestWith(stream: (socket: Socket, method: string) => void): Promise<HostileGuest> {
  return hostileGuest((socket, head) => {
    const method = /^POST \/process\.Process\/(\w+) /.exec(head)?.[1] ?? "";
    if (method === "SendSignal") socket.end(httpAnswer(200, { "content-type": "application/proto" }, ""));
    else stream(socket, method);
  });
}

suite("N4: commands of a hostile guest", () => {
  test("output in single bytes costs no more memory than its size", async () => {
    const drip = Buffer.concat(Array.from({ length: 50_000 }, () => stdout(Buffer.from("x"))));
    await using guest = await guestWith((socket) =>
      socket.end(httpAnswer(200, STREAM, Buffer.concat([started, drip, ended, endOfStream]))),
    );
    await using client = clientOf(guest);
    const result = await client.exec(request, never);
    assert.equal(result.stdout.length, 50_000);
    assert.equal(result.truncated, false);
  });

  test("R2: output beyond the limit is drained and dropped, and told as truncated", async () => {
    const much = Buffer.concat([
      started,
      ...Array.from({ length: 200 }, () => stdout(Buffer.alloc(10_000))),
      ended,
      endOfStream,
    ]);
    await using guest = await guestWith((socket) => socket.end(httpAnswer(200, STREAM, much)));
    await using client = clientOf(guest);
    const result = await client.exec(request, never);
    assert.equal(result.stdout.length, 100_000);
    assert.equal(result.truncated, true);
    assert.equal(result.exitCode, 0);
  });

  test("output without end stops with the time-out, though the guest lets go of nothing", async () => {
    await using guest = await guestWith((socket) => {
      socket.write(httpAnswer(200, STREAM, started));
      flood(socket, stdout(Buffer.alloc(60_000, "x")));
    });
    await using client = clientOf(guest);
    const result = await client.exec({ ...request, timeoutMs: 200 }, never);
    assert.equal(result.timedOut, true);
    assert.equal(result.exitCode, null);
    assert.equal(result.stdout.length, 100_000);
  });

  test("a message larger than the limit is refused by its announced size", async () => {
    const head = Buffer.alloc(5);
    head.writeUInt32BE(0xffff_ffff, 1);
    await using guest = await guestWith((socket) => {
      socket.write(httpAnswer(200, STREAM, Buffer.concat([started, head])));
    });
    await using client = clientOf(guest);
    await assert.rejects(client.exec(request, never), fails(/a message of 4294967295 bytes/));
  });

  test("a flood of small messages leaves others their turn", async () => {
    const messages = 10_000;
    const chunk = Buffer.concat([...Array.from({ length: messages }, () => envelope(0, Buffer.alloc(0))), endOfStream]);
    let turns = 0;
    let counting: NodeJS.Immediate;
    const count = (): void => {
      turns++;
      counting = setImmediate(count);
    };
    counting = setImmediate(count);
    let size = 0;
    for await (const part of wholeEnvelopes(Readable.from([chunk]), 100)) size += part.length;
    clearImmediate(counting);
    assert.equal(size, chunk.length);
    assert.ok(turns >= 100, `${turns} turns for ${messages} messages`);
  });

  test("a large message that comes byte by byte is assembled in its own size", async () => {
    const bytes = stdout(Buffer.alloc(20_000, "y"));
    const chunks = Array.from(bytes, (byte) =>
      Buffer.concat([Buffer.from("1\r\n"), Buffer.from([byte]), Buffer.from("\r\n")]),
    );
    const whole = (part: Buffer): Buffer =>
      Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from("\r\n")]);
    const body = [whole(started), ...chunks, whole(ended), whole(endOfStream), Buffer.from("0\r\n\r\n")];
    await using guest = await guestWith((socket) =>
      socket.end(httpAnswer(200, { ...STREAM, "transfer-encoding": "chunked" }, Buffer.concat(body))),
    );
    await using client = clientOf(guest);
    assert.equal((await client.exec(request, never)).stdout.length, 20_000);
  });

  test("messages that cannot be parsed are a wrong answer", async () => {
    const nonsense = envelope(0, Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0xff]));
    await using guest = await guestWith((socket) =>
      socket.end(httpAnswer(200, STREAM, Buffer.concat([started, nonsense, endOfStream]))),
    );
    await using client = clientOf(guest);
    await assert.rejects(client.exec(request, never), fails(/answered wrongly/));
  });

  test("compressed messages are refused, not inflated", async () => {
    await using guest = await guestWith((socket) =>
      socket.end(httpAnswer(200, { ...STREAM, "connect-content-encoding": "gzip" }, envelope(1, Buffer.alloc(10)))),
    );
    await using client = clientOf(guest);
    await assert.rejects(client.exec(request, never), fails(/./));
  });

  for (const type of ["text/html", "application/json", "application/connect+json", "application/proto", ""]) {
    test(`an answer of the type ${JSON.stringify(type)} is refused`, async () => {
      await using guest = await guestWith((socket) => socket.end(httpAnswer(200, { "content-type": type }, "<html>")));
      await using client = clientOf(guest);
      await assert.rejects(client.exec(request, never), fails(/./));
    });
  }

  test("a stream that ends without the command's end is a wrong answer", async () => {
    await using guest = await guestWith((socket) =>
      socket.end(httpAnswer(200, STREAM, Buffer.concat([started, endOfStream]))),
    );
    await using client = clientOf(guest);
    await assert.rejects(client.exec(request, never), fails(/ended without its end/));
  });

  test("a broken stream is taken up again, and its result is told as possibly incomplete", async () => {
    const methods: string[] = [];
    await using guest = await guestWith((socket, method) => {
      methods.push(method);
      if (method === "Start") socket.end(httpAnswer(200, STREAM, Buffer.concat([started, stdout(Buffer.from("one"))])));
      else
        socket.end(httpAnswer(200, STREAM, Buffer.concat([started, stdout(Buffer.from("two")), ended, endOfStream])));
    });
    await using client = clientOf(guest);
    const result = await client.exec(request, never);
    assert.deepEqual(methods, ["Start", "Connect"]);
    assert.equal(result.stdout.toString(), "onetwo");
    assert.equal(result.exitCode, 0);
    assert.equal(result.truncated, true);
  });

  test("a stream that breaks again and again is given up", async () => {
    await using guest = await guestWith((socket) => socket.end(httpAnswer(200, STREAM, started)));
    await using client = clientOf(guest);
    await assert.rejects(client.exec(request, never), fails(/stream was cut/));
    assert.ok(guest.requests < 10);
  });

  test("a silent guest is taken for a broken stream in the end", async () => {
    await using guest = await guestWith((socket) => socket.write(httpAnswer(200, STREAM, started)));
    await using client = connectEnvd({
      ...guest,
      address: guest.address,
      port: guest.port,
      limits: { silenceMs: 100, killGraceMs: 100 },
    });
    await assert.rejects(client.exec(request, never), fails(/stopped in the middle/));
  });

  test("the caller's abort ends a command that does not end, and the guest is told to kill it", async () => {
    const reason = new Error("the caller left");
    const caller = new AbortController();
    const signals = Promise.withResolvers<string>();
    await using guest = await hostileGuest((socket, head) => {
      if (head.includes("/SendSignal ")) {
        signals.resolve(head);
        socket.end(httpAnswer(200, { "content-type": "application/proto" }, ""));
        return;
      }
      socket.write(httpAnswer(200, STREAM, started));
      setImmediate(() => caller.abort(reason));
    });
    await using client = clientOf(guest);
    await assert.rejects(client.exec(request, caller.signal), reason);
    await signals.promise;
  });

  test("a refusal's words are escaped and cut", async () => {
    const error = { code: "invalid_argument", message: `cwd\u001b[2J\n${"x".repeat(5_000)}` };
    const end = envelope(2, Buffer.from(JSON.stringify({ error })));
    await using guest = await guestWith((socket) => socket.end(httpAnswer(200, STREAM, end)));
    await using client = clientOf(guest);
    await assert.rejects(client.exec(request, never), fails(/cwd\\u\{1b\}\[2J\\nx/, "invalid_request"));
  });

  for (const [code, exitCode, words] of [
    ["not_found", 127, "roost: true: command not found\n"],
    ["permission_denied", 126, "roost: true: permission denied\n"],
  ] as const) {
    test(`R2: ${code} is the exit code ${exitCode}, as from a shell`, async () => {
      const end = envelope(2, Buffer.from(JSON.stringify({ error: { code, message: "it" } })));
      await using guest = await guestWith((socket) => socket.end(httpAnswer(200, STREAM, end)));
      await using client = clientOf(guest);
      const result = await client.exec(request, never);
      assert.equal(result.exitCode, exitCode);
      assert.equal(result.stderr.toString(), words);
      assert.equal(result.timedOut, false);
    });
  }
});
