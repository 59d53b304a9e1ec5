/** Pausing and resuming on a real host: KVM, cgroup v2, userfaultfd's asynchronous write protection, and a swap file with guests' pages in it. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Lab } from "@roost/launcher/lab";
import type { LabHost } from "@roost/launcher/lab-host";
import type { Sandbox } from "@roost/sdk";
import { openLab } from "./open-lab.ts";
import { type RoostOnHost, roostThere } from "./roost-on.ts";

const LINES = 60_000;
/** A program with a memory that it knows by heart, a file without a name, and a listener that tells whether all is there. */
const LIVING = `
import socket
memory = [bytes([i % 251]) * 1024 for i in range(${LINES})]
held = open("/tmp/held", "w+"); import os; os.unlink("/tmp/held"); held.write("held"); held.flush()
server = socket.create_server(("127.0.0.1", 7000))
open("/tmp/ready", "w").close()
while True:
    peer, _ = server.accept()
    whole = sum(line == bytes([i % 251]) * 1024 for i, line in enumerate(memory))
    held.seek(0)
    peer.sendall(f"{whole} {held.read()}".encode()); peer.close()
`;
const ASK = 'import socket; print(socket.create_connection(("127.0.0.1", 7000)).makefile().read(), end="")';

describe("a sandbox that sleeps on a host with KVM", () => {
  const stack = new AsyncDisposableStack();
  let lab: Lab;
  let host: LabHost;
  let roost: RoostOnHost;
  let sandbox: Sandbox;

  before(async () => {
    lab = stack.use(await openLab());
    host = stack.use(await lab.hostWithRoost());
    roost = stack.use(await roostThere(host));
    sandbox = await roost.client.sandboxes.create({ memoryMb: 256 });
    await sandbox.files.write("/tmp/program.py", LIVING);
    await sandbox.exec("sh", ["-c", "setsid python3 /tmp/program.py > /tmp/log 2>&1 < /dev/null &"]);
    await sandbox.exec("sh", ["-c", "until [ -e /tmp/ready ]; do sleep 0.2; done"], { timeoutSec: 240 });
  });

  after(() => stack.disposeAsync());

  const sh = async (script: string): Promise<string> => (await host.run(["sh", "-c", script])).stdout;
  const groups = async (): Promise<string[]> =>
    (await sh(`find /sys/fs/cgroup -type d -name '*${sandbox.id}*'`)).split("\n").filter((line) => line !== "");

  async function isWhole(): Promise<void> {
    const { stdout, stderr } = await sandbox.exec("python3", ["-c", ASK], { timeoutSec: 240 });
    assert.equal(stdout, `${LINES} held`, stderr);
  }

  async function sleepAndWake(): Promise<void> {
    assert.equal((await sandbox.pause()).status, "paused");
    assert.deepEqual(await groups(), []);
    assert.equal(
      (await host.attempt(["pgrep", "qemu-system"])).stdout,
      "",
      "a paused sandbox holds nothing of the machine",
    );
    assert.equal((await sandbox.resume()).status, "running");
    await isWhole();
  }

  test("runs under KVM, and its processes carry on, three times in a row (S1, S2, S3)", async () => {
    assert.match(await host.read("/root/roost/.roost/data/host/vmm-choice.json"), /"chosen":\{[^}]*"kvm"/);
    for (let round = 0; round < 3; round++) await sleepAndWake();
  });

  test("pages of it that are in the host's swap are pages of it", async () => {
    const [group = ""] = await groups();
    await host.attempt(["sh", "-c", `echo 128M > ${group}/memory.reclaim`]);
    const swapped = Number(await sh(`cat ${group}/memory.swap.current`));
    assert(swapped > 32 * 1024 * 1024, `${swapped} bytes are in swap`);
    await sleepAndWake();
  });

  test("a snapshot becomes copies that are others than it (S4, S5)", async () => {
    await roost.client.snapshots.create(sandbox.id, { name: "whole", leave: "running" });
    await using copy = await roost.client.sandboxes.create({ template: "whole" });
    const own = await copy.exec("sh", ["-c", "hostname; cat /etc/machine-id"]);
    const source = await sandbox.exec("sh", ["-c", "hostname; cat /etc/machine-id"]);
    assert.equal(own.stdout.split("\n")[0], copy.id);
    assert.notEqual(own.stdout.split("\n")[1], source.stdout.split("\n")[1]);
    const { stdout } = await copy.exec("python3", ["-c", ASK], { timeoutSec: 240 });
    assert.equal(stdout, `${LINES} held`);
    await isWhole();
    await roost.client.snapshots.delete("whole");
    await sandbox.destroy();
  });
});
