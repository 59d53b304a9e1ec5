/**
 * The power is cut while sandboxes are made and destroyed, with an operation standing after each of its steps. Afterwards the database,
 * the host and its kernel agree, nothing acknowledged is lost, and nothing is left. One cut serves many steps: each stops another sandbox.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Lab } from "@roost/launcher/lab";
import type { LabHost } from "@roost/launcher/lab-host";
import type { Roost, Sandbox } from "@roost/sdk";
import { openLab } from "../open-lab.ts";
import { type RoostOnHost, roostOn } from "../roost-on.ts";
import { layGround, planStops, STOPPING_AGENT, untilStopped } from "./planned-stops.ts";

const DATA = "/root/roost/.roost/data/sandboxes";
const MEMORY_MB = 128;
/** Compared with what the agent logs of a create and a destroy that ran whole. */
const BEFORE_THE_MACHINE = ["image", "admission", "slot", "record", "folder", "source", "disk", "cgroup"];
const FROM_THE_MACHINE_ON = ["machine", "boot", "init", "keep"];
const OF_DESTROY = ["record", "machine", "cgroup", "slot", "admission", "disk", "folder", "run"];
/** The control plane has reconciled after a minute; emulated processors take longer. */
const AGREEMENT_LIMIT_MS = 300_000;

describe("when the power is cut", () => {
  const stack = new AsyncDisposableStack();
  let lab: Lab;
  let host: LabHost;

  before(async () => {
    lab = stack.use(await openLab());
    host = stack.use(await lab.host());
  });

  after(() => stack.disposeAsync());

  /** A Roost whose agent stops where it is told to. */
  async function up(): Promise<RoostOnHost> {
    await layGround(host);
    return await roostOn(host, STOPPING_AGENT);
  }

  async function cutAndStart(): Promise<RoostOnHost> {
    await host.cutPower();
    await host.boot();
    return await up();
  }

  test("a sandbox that ran is an error, and its disk has what its guest was told is safe; creates before their machine leave nothing", async () => {
    let kept: string;
    {
      await using roost = await up();
      const sandbox = await roost.client.sandboxes.create({ memoryMb: MEMORY_MB });
      kept = sandbox.id;
      assert.deepEqual(await stepsOf("create"), [...BEFORE_THE_MACHINE, ...FROM_THE_MACHINE_ON]);
      const written = await sandbox.exec("sh", [
        "-c",
        "echo acknowledged > /home/user/safe; sync /home/user/safe /home/user",
      ]);
      assert.equal(written.exitCode, 0);
      await stopCreates(roost.client, BEFORE_THE_MACHINE);
    }
    await using roost = await cutAndStart();
    await agree(roost.client);
    const sandbox = await roost.client.sandboxes.get(kept);
    assert.equal(sandbox.status, "error");
    assert.match(sandbox.error ?? "", /restarted/);
    assert.equal(await fileOnDisk(kept, "home/user/safe"), "acknowledged\n");
    await nothingStaysAfterDestroy(roost.client);
    assert.deepEqual(await stepsOf("destroy"), OF_DESTROY);
  });

  test("creates that have a machine are errors or nothing, and can be destroyed", async () => {
    {
      await using roost = await up();
      await stopCreates(roost.client, FROM_THE_MACHINE_ON);
    }
    await using roost = await cutAndStart();
    await agree(roost.client);
    await nothingStaysAfterDestroy(roost.client);
  });

  test("a destroy is completed when the host is back, whatever step it had come to", async () => {
    const ids: string[] = [];
    {
      await using roost = await up();
      for (const _ of OF_DESTROY) ids.push((await roost.client.sandboxes.create({ memoryMb: MEMORY_MB })).id);
      await planStops(host, "destroy", OF_DESTROY);
      for (const id of ids) void (await roost.client.sandboxes.get(id)).destroy().catch(() => {});
      await untilStopped(host, OF_DESTROY.length);
    }
    await using roost = await cutAndStart();
    await agree(roost.client);
    for (const id of ids) assert.equal((await roost.client.sandboxes.get(id)).status, "stopped");
    await nothingStaysAfterDestroy(roost.client);
    await host.roost("down");
  });

  /** The agent logs the time of each. */
  async function stepsOf(operation: string): Promise<string[]> {
    const log = await host.read("/root/roost/.roost/logs/host-agent.log");
    const line = log.split("\n").findLast((text) => text.endsWith(`"msg":"${operation}"}`)) ?? "{}";
    const names = Object.keys(JSON.parse(line) as object).filter((key) => key.endsWith("_ms") && key !== "total_ms");
    return names.map((name) => name.slice(0, -"_ms".length));
  }

  /** As many creates as there are steps, each standing after one of them. */
  async function stopCreates(client: Roost, steps: readonly string[]): Promise<void> {
    await planStops(host, "create", steps);
    for (const _ of steps) void client.sandboxes.create({ memoryMb: MEMORY_MB }).catch(() => {});
    await untilStopped(host, steps.length);
  }

  async function all(client: Roost): Promise<Sandbox[]> {
    return await Array.fromAsync(client.sandboxes.list());
  }

  /** No row waits for anything, those that are not over have their folder, and there is no other folder. */
  async function agree(client: Roost): Promise<void> {
    const end = Date.now() + AGREEMENT_LIMIT_MS;
    for (;;) {
      const rows = await all(client);
      const settled = rows.every(({ status }) => ["error", "stopped", "running"].includes(status));
      const expected = rows.filter(({ status }) => status !== "stopped").map(({ id }) => id);
      const folders = (await host.run(["ls", DATA])).stdout.split("\n").filter((name) => name !== "");
      const withDisk = rows.filter(({ id, status }) => status === "error" && folders.includes(id)).map(({ id }) => id);
      const orphans = folders.filter((name) => !expected.includes(name));
      if (settled && orphans.length === 0) {
        assert.deepEqual(await machines(), []);
        assert.deepEqual(folders.sort(), withDisk.sort());
        return;
      }
      if (Date.now() > end) {
        const statuses = rows.map(({ id, status, error }) => `${id} ${status} ${error ?? ""}`);
        assert.fail(`database and host do not agree\n${statuses.join("\n")}\nfolders: ${folders.join(" ")}`);
      }
      await pause(1000);
    }
  }

  /** Processes and control groups of sandboxes. */
  async function machines(): Promise<string[]> {
    const script = "pgrep -a 'qemu-system|roost-keeper'; find /sys/fs/cgroup -type d -name 'r*sb-*'; true";
    return (await host.run(["sh", "-c", script])).stdout.split("\n").filter((line) => line !== "");
  }

  async function nothingStaysAfterDestroy(client: Roost): Promise<void> {
    for (const sandbox of await all(client)) if (sandbox.status !== "stopped") await sandbox.destroy();
    assert.equal((await host.run(["ls", DATA])).stdout, "");
    assert.deepEqual(await machines(), []);
  }

  /** What a machine would find that boots this disk. */
  async function fileOnDisk(id: string, path: string): Promise<string> {
    const script = `set -e
qemu-img convert -O raw "$1" /root/disk.raw
mount -o loop /root/disk.raw /mnt
cat "/mnt/$2"
umount /mnt
rm /root/disk.raw`;
    return (await host.run(["sh", "-c", script, "read", `${DATA}/${id}/disk.qcow2`, path])).stdout;
  }
});
