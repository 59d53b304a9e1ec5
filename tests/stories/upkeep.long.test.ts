/** Ten pauses with work between them: what is frozen stays short, and right. On a real microVM, through the doors that a user has. */
import assert from "node:assert/strict";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Instance, startInstance } from "@roost/launcher/instance";
import { Roost, type Sandbox } from "@roost/sdk";
import { until } from "./until.ts";

const ROUNDS = 10;
/** Changes memory everywhere, a bit at a time, so that a map of it has many pieces. */
const SCATTERED = `
import hashlib, os, socket
memory = [bytearray(os.urandom(4096)) for _ in range(6_000)]
server = socket.create_server(("127.0.0.1", 7000))
open("/tmp/ready", "w").close()
round = 0
while True:
    peer, _ = server.accept()
    round += 1
    for i in range(round % 3, len(memory), 3): memory[i][:8] = os.urandom(8)
    sum = hashlib.sha256(b"".join(memory)).hexdigest()
    peer.sendall(sum.encode()); peer.close()
    peer, _ = server.accept()
    same = hashlib.sha256(b"".join(memory)).hexdigest() == sum
    peer.sendall(str(same).encode()); peer.close()
`;
const ASK = 'import socket; print(socket.create_connection(("127.0.0.1", 7000)).makefile().read(), end="")';

describe("a sandbox that is paused again and again", () => {
  let instance: Instance;

  before(async () => {
    instance = await startInstance();
  });

  after(async () => {
    await instance?.[Symbol.asyncDispose]();
  });

  const generations = (id: string): string => join(instance.dataFolder, "sandboxes", id, "generations");

  /** Of the newest generation, what is to stay short. */
  async function lengths(id: string): Promise<{ diskLayers: number; entries: number; memoryLayers: number }> {
    const names = (await readdir(generations(id))).filter((name) => /^\d+$/.test(name));
    const folder = join(generations(id), String(Math.max(...names.map(Number))));
    const { disk } = JSON.parse(await readFile(join(folder, "manifest.json"), "utf8")) as { disk: { layers: number } };
    return {
      diskLayers: disk.layers,
      entries: ((await stat(join(folder, "memory.map"))).size - 104) / 40,
      memoryLayers: (await readdir(join(folder, "memory"))).length,
    };
  }

  /** As root. */
  const sh = async (sandbox: Sandbox, script: string): Promise<void> => {
    const { exitCode, stderr, stdout } = await sandbox.exec("sh", ["-ec", script], { user: "root" });
    assert.equal(exitCode, 0, `${stdout}${stderr}`);
  };
  const ask = async (sandbox: Sandbox): Promise<string> => {
    const { stdout, stderr, exitCode } = await sandbox.exec("python3", ["-c", ASK], { timeoutSec: 300 });
    const log =
      exitCode === 0
        ? ""
        : (await sandbox.exec("sh", ["-c", "cat /tmp/log; dmesg | tail -20; ps ax | tail"], { user: "root" })).stdout;
    assert.equal(exitCode, 0, `${stderr}${log}`);
    return stdout;
  };

  test("stays short: its disk and its memory, and both are right to the last byte (S3, D2)", async (t) => {
    const roost = new Roost(instance);
    await using sandbox = await roost.sandboxes.create({ memoryMb: 256 });
    await sandbox.files.write("/tmp/program.py", SCATTERED);
    await sh(sandbox, "mkdir /work; setsid python3 /tmp/program.py > /tmp/log 2>&1 < /dev/null &");
    await until("the program is ready", async () =>
      (await sandbox.exec("test", ["-e", "/tmp/ready"])).exitCode === 0 ? true : undefined,
    );
    for (let round = 1; round <= ROUNDS; round++) {
      await ask(sandbox);
      await sh(
        sandbox,
        `head -c 2000000 /dev/urandom > /work/${round}; ` +
          `head -c 100000 /dev/urandom | dd of=/work/1 bs=1000 seek=${round * 10} conv=notrunc status=none; ` +
          "cd /work && sha256sum * > /sums && sync",
      );
      await sandbox.pause();
      const before = await lengths(sandbox.id);
      // Every other time it has the rest in which it is kept short.
      if (round % 2 === 0) {
        await until("it is short", async () => {
          const { diskLayers, entries, memoryLayers } = await lengths(sandbox.id);
          return diskLayers <= 4 && (entries <= 4000 || memoryLayers === 1) ? true : undefined;
        });
      }
      const begun = performance.now();
      await sandbox.resume();
      const ms = Math.round(performance.now() - begun);
      t.diagnostic(
        `resume ${round}: ${ms} ms, ${JSON.stringify(before)} → ${JSON.stringify(await lengths(sandbox.id))}`,
      );
      assert.equal(await ask(sandbox), "True");
    }
    await sh(sandbox, "echo 3 > /proc/sys/vm/drop_caches; cd /work && sha256sum -c --quiet /sums");
  });
});
