/**
 * What an agent does when it starts: it lists what the kernel and the folders hold of this host's, takes over what is whole, and
 * takes apart what is not.
 *
 * | found                                             | then                                                        |
 * |---------------------------------------------------|-------------------------------------------------------------|
 * | record `running`, its keeper answers              | adopted: `running`                                          |
 * | record `running`, no keeper                       | its machine has ended: freed, `error`, disk kept            |
 * | record `pausing`, its generation is durable       | the pause is carried to its end: `paused`                   |
 * | record `pausing`, else                            | taken back: thawed and `running`, or `error`                |
 * | record `resuming`                                 | taken back: what it was before                              |
 * | record `starting` or unreadable, or `making` left | its maker died before it was handed out: removed            |
 * | record `stopping`                                 | removed                                                     |
 * | no record, a generation and nothing newer         | `paused`                                                    |
 * | no record, else                                   | the machine was restarted: `error`, disk kept               |
 * | a slot or cgroup of this host's without a sandbox | removed                                                     |
 */
import { access, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { isId } from "@roost/protocol/ids";
import { destroySandbox, freeEndedSandbox, freeMachine } from "./destroy.ts";
import { foldersOf, makingMarker } from "./folders.ts";
import { chainBelow, newestGeneration, removeUnfinished } from "./own-generations.ts";
import { cgroupName, type Parts } from "./parts.ts";
import { freePaused, thaw } from "./pause.ts";
import {
  type RunRecord,
  readEndRecord,
  readRunRecord,
  readSpecRecord,
  type SpecRecord,
  writeRunRecord,
} from "./records.ts";
import { takeBackDisk } from "./resume.ts";
import type { RunningSandbox } from "./sandbox.ts";
import { removeHalfSnapshots } from "./snapshots.ts";
import { SAVE_FOLDER } from "./start-machine.ts";

/** A sandbox that was found and stays. */
export type FoundSandbox = {
  readonly id: string;
  /** Absent when a power cut took it: the control plane knows it too. */
  readonly spec: SpecRecord | undefined;
} & (
  | { readonly state: "running"; readonly running: RunningSandbox }
  | { readonly state: "paused" }
  | { readonly state: "error"; readonly reason: string }
);

export async function reconcile(parts: Parts): Promise<FoundSandbox[]> {
  const ids = new Set([...(await sandboxFolders(parts.roots.run)), ...(await sandboxFolders(parts.roots.data))]);
  const found: FoundSandbox[] = [];
  for (const id of ids) {
    const sandbox = await reconcileSandbox(parts, id).catch((error: unknown): FoundSandbox => {
      // One broken sandbox does not keep the others from their agent; destroying it tries again.
      parts.logger.error({ sandbox: id, err: error }, "a sandbox could not be taken over");
      return { id, spec: undefined, state: "error", reason: "Its host could not take it over after a restart." };
    });
    if (sandbox) found.push(sandbox);
  }
  await removeStrays(parts, found);
  await removeHalfSnapshots(parts.roots);
  return found;
}

async function reconcileSandbox(parts: Parts, id: string): Promise<FoundSandbox | undefined> {
  const folders = foldersOf(parts.roots, id);
  const [record, spec, half] = await Promise.all([
    readRunRecord(folders.run),
    readSpecRecord(folders.data),
    exists(makingMarker(folders)),
  ]);
  const whole = !half && (await exists(folders.data));
  const state = record?.state;
  if (!whole || state === "starting" || state === "stopping") {
    parts.logger.info({ sandbox: id, state }, "removing a sandbox that was left half-way");
    await destroySandbox(parts, id, undefined);
    return undefined;
  }
  await removeUnfinished(folders.data);
  if (record?.state === "pausing" && (await newestGeneration(folders.data))?.number === record.generation) {
    await freePaused(parts, id, undefined);
  } else if (record?.state === "resuming") await takeBackResume(parts, id, record);
  else if (record) {
    const running = await adopt(parts, id, record, spec);
    if (running && record.state === "pausing") await takeBackPause(parts, id, running);
    if (running) return { id, spec, state: "running", running };
    const { reason } = (await readEndRecord(folders.data)) ?? (await parts.vmm.readEnd(folders));
    await freeEndedSandbox(parts, id, undefined, reason);
  }
  return await atRest(parts, id, spec);
}

/** One that has no machine. */
async function atRest(parts: Parts, id: string, spec: SpecRecord | undefined): Promise<FoundSandbox> {
  const { data } = foldersOf(parts.roots, id);
  const ended = await readEndRecord(data);
  const generation = await newestGeneration(data);
  if (ended === undefined && generation && !(await parts.rootDisk.hasLayerOver(await chainBelow(data), data))) {
    await freePaused(parts, id, undefined); // What a loss of power has left of its pause.
    return { id, spec, state: "paused" };
  }
  const reason = ended?.reason ?? "The host was restarted.";
  await freeEndedSandbox(parts, id, undefined, reason);
  return { id, spec, state: "error", reason };
}

async function takeBackResume(parts: Parts, id: string, record: RunRecord): Promise<void> {
  const folders = foldersOf(parts.roots, id);
  using steps = parts.steps("take back a resume", parts.logger.child({ sandbox: id }));
  await freeMachine(parts, id, undefined, steps);
  await steps.run("disk", async () => {
    if (record.fresh_layer === true) await takeBackDisk(parts, folders.data);
    await rm(join(folders.data, SAVE_FOLDER), { recursive: true, force: true });
  });
  await steps.run("run", () => rm(folders.run, { recursive: true, force: true }));
}

async function takeBackPause(parts: Parts, id: string, running: RunningSandbox): Promise<void> {
  await thaw(parts, id, running);
  const { run } = foldersOf(parts.roots, id);
  const record = await readRunRecord(run);
  if (record) await writeRunRecord(run, { ...record, state: "running" });
}

/** `undefined`: its machine has ended. */
async function adopt(
  parts: Parts,
  id: string,
  record: RunRecord,
  spec: SpecRecord | undefined,
): Promise<RunningSandbox | undefined> {
  const { slot: index } = record;
  if (index === undefined) return undefined;
  const machine = await parts.vmm.adopt(foldersOf(parts.roots, id));
  if (!machine) return undefined;
  const slot = await parts.slots.adopt(index);
  parts.admission.adopt(id, { vcpus: spec?.vcpus ?? 1, memoryMb: spec?.memory_mb ?? 0 });
  const envd = parts.connectEnvd({ address: slot.address, accessToken: record.access_token });
  const startedAt = record.started_at === undefined ? parts.now() : new Date(record.started_at);
  return { machine, vmm: record.vmm ?? parts.vmm.fingerprint, envd, slot, startedAt };
}

/** Kernel objects that bear this host's mark but belong to no sandbox: an agent died between making and recording them. */
async function removeStrays(parts: Parts, found: readonly FoundSandbox[]): Promise<void> {
  const cgroups = new Set(found.filter(({ state }) => state === "running").map(({ id }) => cgroupName(parts, id)));
  for (const name of await parts.cgroups.list()) {
    if (cgroups.has(name)) continue;
    await parts.cgroups.kill(name);
    await parts.cgroups.remove(name);
  }
  for (const index of [...parts.slots.found]) await parts.slots.release(index);
}

async function sandboxFolders(parent: string): Promise<string[]> {
  const names = await readdir(parent).catch(() => [] as string[]);
  return names.filter((name) => isId("sandbox", name));
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
