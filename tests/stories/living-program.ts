/**
 * A program in a guest with all that must come through a pause: memory, an open file that has no name any more, a half-written one, a
 * listener, and a count that goes on.
 */
import assert from "node:assert/strict";
import type { Sandbox } from "@roost/sdk";
import { until } from "./until.ts";

const KB_PER_ITEM = 1;

function program(items: number): string {
  return `
import os, socket, threading, time
memory = [bytes([i % 251]) * ${KB_PER_ITEM * 1024} for i in range(${items})]
held = open("/tmp/held", "w+"); os.unlink("/tmp/held"); held.write("first half, "); held.flush()
half = open("/tmp/half", "w"); half.write("written before")
server = socket.create_server(("127.0.0.1", 7000))
def count():
    n = 0
    while True:
        n += 1
        with open("/tmp/count.new", "w") as f: f.write(str(n))
        os.rename("/tmp/count.new", "/tmp/count")
        time.sleep(0.02)
threading.Thread(target=count, daemon=True).start()
open("/tmp/ready", "w").close()
while True:
    peer, _ = server.accept()
    whole = sum(line == bytes([i % 251]) * ${KB_PER_ITEM * 1024} for i, line in enumerate(memory))
    held.write("more, "); held.flush(); held.seek(0)
    half.write(" and after"); half.flush()
    peer.sendall(f"{whole} {held.read()}".encode()); peer.close()
`;
}
const ASK = 'import socket; s = socket.create_connection(("127.0.0.1", 7000)); print(s.makefile().read(), end="")';

export class LivingProgram {
  readonly #sandbox: Sandbox;
  readonly #items: number;
  readonly #bootId: string;
  #held = "first half, ";
  #asked = 0;

  private constructor(sandbox: Sandbox, items: number, bootId: string) {
    this.#sandbox = sandbox;
    this.#items = items;
    this.#bootId = bootId;
  }

  /** @param memoryMb what its list holds */
  static async start(sandbox: Sandbox, memoryMb: number): Promise<LivingProgram> {
    const items = (memoryMb * 1024) / KB_PER_ITEM;
    await startProgram(sandbox, program(items));
    await until("the program is ready", async () =>
      (await sandbox.exec("test", ["-e", "/tmp/ready"])).exitCode === 0 ? true : undefined,
    );
    return new LivingProgram(sandbox, items, await read(sandbox, "/proc/sys/kernel/random/boot_id"));
  }

  async count(): Promise<number> {
    return Number(await read(this.#sandbox, "/tmp/count"));
  }

  /** It has all that it had, and goes on from where it was. */
  async carriesOn(from: number): Promise<void> {
    this.#held += "more, ";
    this.#asked++;
    assert.equal((await this.#sandbox.exec("python3", ["-c", ASK])).stdout, `${this.#items} ${this.#held}`);
    assert.equal(await read(this.#sandbox, "/tmp/half"), `written before${" and after".repeat(this.#asked)}`);
    assert.equal(await read(this.#sandbox, "/proc/sys/kernel/random/boot_id"), this.#bootId);
    await until("the count goes on", async () => ((await this.count()) > from ? true : undefined));
  }
}

/** A Python program that goes on by itself. */
export async function startProgram(sandbox: Sandbox, text: string): Promise<void> {
  await sandbox.files.write("/tmp/program.py", text);
  await sandbox.exec("sh", ["-c", "setsid python3 /tmp/program.py > /tmp/log 2>&1 < /dev/null &"]);
}

export async function read(sandbox: Sandbox, path: string): Promise<string> {
  return (await sandbox.exec("cat", [path])).stdout;
}
