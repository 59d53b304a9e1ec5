/**
 * Taking a sandbox apart, in reverse order of its making. Every step is idempotent and right for a sandbox that is only half
 * there, so that one procedure serves destroy, the end of a machine, and what an agent finds when it starts.
 */
import { rm } from "node:fs/promises";
import { foldersOf } from "./folders.ts";
import { cgroupName, type Parts } from "./parts.ts";
import { readEndRecord, readRunRecord, writeEndRecord, writeRunRecord } from "./records.ts";
import type { RunningSandbox } from "./sandbox.ts";
import type { Steps } from "./steps.ts";

/** Removes all of a sandbox. @throws what the failing step threw; called again, it goes on from there. */
export async function destroySandbox(parts: Parts, id: string, running: RunningSandbox | undefined): Promise<void> {
  const folders = foldersOf(parts.roots, id);
  using steps = parts.steps("destroy", parts.logger.child({ sandbox: id }));
  await steps.run("record", async () => {
    const record = await readRunRecord(folders.run);
    if (record) await writeRunRecord(folders.run, { ...record, state: "stopping" });
  });
  await freeMachine(parts, id, running, steps);
  await steps.run("disk", () => parts.rootDisk.remove(folders.data));
  await steps.run("folder", () => rm(folders.data, { recursive: true, force: true }));
  await steps.run("run", () => rm(folders.run, { recursive: true, force: true }));
}

/** Frees all that a sandbox has but its disk, after its machine has ended by itself. */
export async function freeEndedSandbox(
  parts: Parts,
  id: string,
  running: RunningSandbox | undefined,
  reason: string,
): Promise<void> {
  const folders = foldersOf(parts.roots, id);
  using steps = parts.steps("free", parts.logger.child({ sandbox: id }));
  await steps.run("record", async () => {
    const known = await readEndRecord(folders.data);
    if (!known) await writeEndRecord(folders.data, { reason, at: parts.now().toISOString() });
  });
  await freeMachine(parts, id, running, steps);
  await steps.run("disk", () => parts.rootDisk.detach(folders.data));
  await steps.run("run", () => rm(folders.run, { recursive: true, force: true }));
}

/** Machine, cgroup and slot; what they are is read from the record, so that it works for a sandbox this agent has not made. */
export async function freeMachine(
  parts: Parts,
  id: string,
  running: RunningSandbox | undefined,
  steps: Steps,
): Promise<void> {
  await endMachine(parts, id, running, steps);
  await steps.run("slot", () => giveUpSlot(parts, id, (index) => parts.slots.release(index)));
  await steps.run("admission", () => parts.admission.release(id));
}

/** After this neither memory nor processors are taken by it. */
export async function endMachine(
  parts: Parts,
  id: string,
  running: RunningSandbox | undefined,
  steps: Steps,
): Promise<void> {
  const folders = foldersOf(parts.roots, id);
  await steps.run("machine", async () => {
    await running?.envd[Symbol.asyncDispose]();
    running?.machine[Symbol.dispose]();
    await parts.vmm.stop(folders);
  });
  await steps.run("cgroup", async () => {
    // What escaped its keeper, if anything ever did, ends here.
    await parts.cgroups.kill(cgroupName(parts, id));
    await parts.cgroups.remove(cgroupName(parts, id));
  });
}

/** Its record names it no more, once `release` has returned. */
export async function giveUpSlot(
  parts: Parts,
  id: string,
  release: (index: number) => Promise<void> | void,
): Promise<void> {
  const { run } = foldersOf(parts.roots, id);
  const record = await readRunRecord(run);
  if (record?.slot === undefined) return;
  await release(record.slot);
  const { slot: _, ...rest } = record;
  await writeRunRecord(run, rest);
}
