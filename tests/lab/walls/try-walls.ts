/** Lets a sandbox's root try, and tells what came of each attempt. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Sandbox } from "@roost/sdk";
import type { Attempt } from "./attempts.ts";

export interface Tried {
  readonly name: string;
  readonly result: string;
}

/** Emulated processors take their time; each attempt has a limit of its own, and they run side by side. */
const LIMIT_SEC = 240;

export async function tryWalls(sandbox: Sandbox, attempts: readonly Attempt[]): Promise<Tried[]> {
  await sandbox.files.write("/tmp/attempts.py", await readFile(join(import.meta.dirname, "attempts.py"), "utf8"));
  const stdin = attempts.map((attempt) => `${JSON.stringify(attempt)}\n`).join("");
  const run = await sandbox.exec("python3", ["/tmp/attempts.py"], { user: "root", stdin, timeoutSec: LIMIT_SEC });
  const results = run.stdout.split("\n").filter((line) => line !== "");
  const byName = new Map(results.map((line) => JSON.parse(line) as Tried).map((tried) => [tried.name, tried.result]));
  return attempts.map(({ name }) => ({ name, result: byName.get(name) ?? `no result: ${run.stderr.slice(-500)}` }));
}

/** Whether a result says that nothing came back; `failed:` is an attempt that was not even made. */
export function cameToNothing({ result }: Tried): boolean {
  return result.startsWith("nothing");
}

/** For people. */
export function table(title: string, tried: readonly Tried[]): string {
  const width = Math.max(...tried.map(({ name }) => name.length));
  return [title, ...tried.map(({ name, result }) => `  ${name.padEnd(width)}  ${result}`)].join("\n");
}
