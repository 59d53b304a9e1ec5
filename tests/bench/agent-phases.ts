/** The phases of operations, from the lines that the agent logs of each. */
import { open } from "node:fs/promises";
import type { OperationPhases } from "./measure.ts";

/** @returns a function that tells of what was logged since it was last called. */
export function followPhases(logFile: string): () => Promise<OperationPhases[]> {
  let offset = 0;
  return async () => {
    await using file = await open(logFile, "r");
    const { size } = await file.stat();
    const fresh = Buffer.alloc(Math.max(0, size - offset));
    const { bytesRead } = await file.read(fresh, 0, fresh.length, offset);
    const text = fresh.toString("utf8", 0, bytesRead);
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    offset += Buffer.byteLength(whole);
    return whole.split("\n").flatMap(phasesOf);
  };
}

/** `{"msg": "resume", "disk_ms": 1.2, …}`; none in any other line. */
export function phasesOf(line: string): OperationPhases[] {
  const fields = parse(line);
  if (typeof fields.msg !== "string" || typeof fields.total_ms !== "number") return [];
  const times = Object.entries(fields).filter(
    (field): field is [string, number] => field[0].endsWith("_ms") && typeof field[1] === "number",
  );
  const milliseconds = Object.fromEntries(times.map(([name, time]) => [name.slice(0, -"_ms".length), time]));
  return [{ operation: fields.msg, milliseconds }];
}

function parse(line: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {}; // A word of Node's own, perhaps.
  }
}
