/**
 * One round: several sandboxes of one kind, an operation of each held after another of its steps; then a process is killed, and the
 * operations go on, if they can. Afterwards every sandbox runs or is paused with everything, or is an error that resumes from its last
 * generation; it can be destroyed, and nothing is left of it.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Sandbox, SandboxStatus } from "@roost/sdk";
import { machineState } from "../machine-state/machine-state.ts";
import { type KeeperPids, keeperOf } from "../stories/keeper-of.ts";
import { until } from "../stories/until.ts";
import type { HeldOperations } from "./held-operations.ts";

export const OPERATIONS = ["pause", "resume", "snapshot", "destroy"] as const;
export type Operation = (typeof OPERATIONS)[number];
export const VICTIMS = ["agent", "keeper", "vmm", "control plane"] as const;
export type Victim = (typeof VICTIMS)[number];

/** The snapshot that all are made from: a guest that counts. */
const TEMPLATE = "counting";
const COUNTING = `
import os, time
n = 0
while True:
    n += 1
    with open("/dev/shm/new", "w") as f: f.write(str(n))
    os.rename("/dev/shm/new", "/dev/shm/count")
    time.sleep(0.1)
`;

/** A sandbox whose processes must come through. */
interface Counting {
  readonly sandbox: Sandbox;
  readonly bootId: string;
  /** What it had counted to when its memory was last safe, or else when it was last asked. */
  count: number;
}

export async function makeTemplate({ roost }: HeldOperations): Promise<void> {
  await using sandbox = await roost.sandboxes.create({ memoryMb: 128 });
  await sandbox.files.write("/tmp/count.py", COUNTING);
  await sandbox.exec("sh", ["-c", "setsid python3 /tmp/count.py > /tmp/log 2>&1 < /dev/null &"]);
  await until("it counts", async () => (await countOf(sandbox).catch(() => 0)) || undefined);
  await roost.snapshots.create(sandbox.id, { name: TEMPLATE });
}

/** The steps of an operation that runs whole, each once. */
export async function stepsOf(held: HeldOperations, operation: Operation): Promise<string[]> {
  const { sandbox } = await make(held, operation);
  const before = (await held.stepsOf(sandbox.id)).length;
  await begin(held, operation, sandbox);
  const steps = (await held.stepsOf(sandbox.id)).slice(before);
  await end(held, sandbox, operation);
  assert(steps.length > 0);
  return [...new Set(steps)];
}

export async function killRound(
  held: HeldOperations,
  operation: Operation,
  victim: Victim,
  steps: readonly string[],
): Promise<void> {
  const all = await Promise.all(steps.map(async (step) => ({ ...(await make(held, operation)), step })));
  const outcomes: Promise<unknown>[] = [];
  for (const { sandbox, step } of all) {
    await held.hold(sandbox.id, step);
    outcomes.push(begin(held, operation, sandbox).catch((error: unknown) => error));
    await held.isHeld(sandbox.id);
  }
  await kill(held, victim, all);
  for (const { sandbox } of all) await held.release(sandbox.id);
  await Promise.all(outcomes);
  for (const { step, ...counting } of all) {
    try {
      if (operation !== "destroy") await carriesOn(counting, victim);
      await end(held, counting.sandbox, operation);
    } catch (cause) {
      throw new Error(`${victim} killed after ${step} of ${counting.sandbox.id}\n${await held.instance.logs()}`, {
        cause,
      });
    }
  }
  const { mark, runFolder, dataFolder } = held.instance;
  const left = await machineState({ mark, folders: [runFolder, dataFolder] });
  assert.deepEqual(
    left.filter((line) => line.endsWith(".new") || all.some(({ sandbox }) => line.includes(sandbox.id))),
    [],
  );
}

/** One that has a generation of its own, and is what the operation begins with. */
async function make({ roost }: HeldOperations, operation: Operation): Promise<Counting> {
  const sandbox = await roost.sandboxes.create({ template: TEMPLATE });
  const bootId = await bootIdOf(sandbox);
  const count = await countOf(sandbox);
  await sandbox.pause();
  if (operation !== "resume") await sandbox.resume();
  return { sandbox, bootId, count };
}

function begin({ roost }: HeldOperations, operation: Operation, sandbox: Sandbox): Promise<unknown> {
  switch (operation) {
    case "pause":
      return sandbox.pause();
    case "resume":
      return sandbox.resume();
    case "snapshot":
      return roost.snapshots.create(sandbox.id, { name: snapshotName(sandbox), leave: "running" });
    case "destroy":
      return sandbox.destroy();
  }
}

/** What a round kills: of each sandbox its own, or what all have in common. */
async function kill(held: HeldOperations, victim: Victim, all: readonly Counting[]): Promise<void> {
  const { instance, roost } = held;
  if (victim === "agent" || victim === "control plane") {
    const service = victim === "agent" ? instance.agent : instance.controlPlane;
    const pid = await service.pid();
    await service.kill("SIGKILL");
    await until(`another ${victim} has been started`, async () => {
      const now = await service.pid();
      return now === undefined || now === pid ? undefined : true;
    });
    await until("it serves", async () => await Array.fromAsync(roost.sandboxes.list()).catch(() => undefined));
    return;
  }
  for (const { sandbox } of all) {
    // After some steps there is none.
    const pids: KeeperPids | undefined = await keeperOf(instance, sandbox.id).catch(() => undefined);
    if (pids) process.kill(pids[victim], "SIGKILL");
  }
}

async function carriesOn({ sandbox, bootId, count }: Counting, victim: Victim): Promise<void> {
  const status = await settles(sandbox);
  // Only with its machine a sandbox may lose what was not frozen.
  if (status === "error") assert(victim === "keeper" || victim === "vmm", (await sandbox.refresh()).error ?? "");
  if (status !== "running") await resumed(sandbox);
  assert.equal(await bootIdOf(sandbox), bootId);
  await until(`it counts on from ${count}`, async () => ((await countOf(sandbox)) > count ? true : undefined));
}

/** What was killed may still be on its way back. */
async function resumed(sandbox: Sandbox): Promise<void> {
  await until(`${sandbox.id} is resumed`, async () => {
    const outcome: unknown = await sandbox.resume().catch((error: unknown) => error);
    if (!(outcome instanceof Error)) return outcome;
    if (MAY_PASS.has((outcome as { code?: string }).code ?? "")) return undefined;
    throw outcome;
  });
}

const MAY_PASS = new Set(["conflict", "host_unavailable"]);
const LASTING: ReadonlySet<SandboxStatus> = new Set(["running", "paused", "error"]);

async function settles(sandbox: Sandbox): Promise<SandboxStatus> {
  return await until(`${sandbox.id} is something that lasts`, async () => {
    const { status } = await sandbox.refresh();
    if (!LASTING.has(status)) return undefined;
    // Running, says its row; its host may have ended it a moment ago.
    if (status === "running" && !(await sandbox.exec("true").catch(() => undefined))) return undefined;
    return status;
  });
}

/** It and its snapshot can be taken away, and are. */
async function end({ instance, roost }: HeldOperations, sandbox: Sandbox, operation: Operation): Promise<void> {
  await until(`${sandbox.id} is destroyed`, async () => {
    await sandbox.destroy().catch(() => {});
    return (await sandbox.refresh()).status === "stopped" ? true : undefined;
  });
  if (operation === "snapshot") {
    const names = (await Array.fromAsync(roost.snapshots.list({ type: "snapshot" }))).map(({ name }) => name);
    if (names.includes(snapshotName(sandbox))) {
      await using copy = await roost.sandboxes.create({ template: snapshotName(sandbox) });
      await until("the copy counts", async () => (await countOf(copy)) || undefined);
      await roost.snapshots.delete(snapshotName(sandbox));
    }
  }
  await until(`nothing is left of ${sandbox.id}`, async () => {
    const { mark, runFolder, dataFolder } = instance;
    const state = await machineState({ mark, folders: [runFolder, join(dataFolder, "sandboxes")] });
    return state.some((line) => line.includes(sandbox.id)) ? undefined : true;
  });
}

function snapshotName(sandbox: Sandbox): string {
  return `of-${sandbox.id}`;
}

async function bootIdOf(sandbox: Sandbox): Promise<string> {
  return (await sandbox.exec("cat", ["/proc/sys/kernel/random/boot_id"])).stdout;
}

async function countOf(sandbox: Sandbox): Promise<number> {
  return Number((await sandbox.exec("cat", ["/dev/shm/count"])).stdout);
}
