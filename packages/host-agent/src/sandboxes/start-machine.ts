/**
 * What create and resume have in common: from a reservation to a machine whose guest has been told who it is. Each step registers what
 * undoes it with the operation.
 */
import { chown, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { RoostError } from "@roost/protocol/errors";
import type { AttachedDisk } from "../disk/root-disk.ts";
import type { EnvdClient, GuestIdentity } from "../envd-client/envd-client.ts";
import type { Slot } from "../network/slots.ts";
import { shortenOverlong } from "../upkeep/renew.ts";
import type { Machine } from "../vmm/vmm.ts";
import type { Operation } from "./operation.ts";
import { cgroupName } from "./parts.ts";
import { type RunRecord, writeRunRecord } from "./records.ts";
import type { RunningSandbox } from "./sandbox.ts";

/**
 * Generous: it ends hopeless boots, not slow ones. Idle machines take 0.5 s with KVM and 3 s with TCG, busy ones many times that; KVM
 * inside an emulated machine (docs/lab.md) takes longer than either.
 */
const BOOT_LIMIT_MS = 240_000;
/** `/init` writes a few files; what it takes is the guest's turn at the CPU. */
const INIT_LIMIT_MS = 60_000;
/** Tasks of a VMM: vCPUs, main loop, and up to 64 workers for disk requests; and the keeper's. */
const PIDS_BEYOND_VCPUS = 104;
/** What the VMM's own threads may use beside the vCPUs, in CPUs. */
const CPUS_BEYOND_VCPUS = 0.5;
/** Of a machine that gives way to sandboxes, beside their 100. */
const GIVING_WAY_WEIGHT = 10;
/** In a sandbox's data folder: where its keeper writes what it freezes. */
export const SAVE_FOLDER = "save";

export interface Shape {
  readonly vcpus: number;
  readonly memoryMb: number;
  /** Only of what is no sandbox, and is in the way of none; see Demand in admission.ts. */
  readonly giveWay?: (() => void) | undefined;
}

export interface Reservation {
  readonly slot: Slot;
  /** User and group of the VMM. */
  readonly uid: number;
  readonly accessToken: string;
  /** As it was written down; completed by `keepRunning`. */
  readonly record: RunRecord;
}

/** Admission, a slot, and the record by which both are found again. */
export async function reserve(
  operation: Operation,
  shape: Shape,
  internet: boolean,
  state: RunRecord["state"],
): Promise<Reservation> {
  const { parts, id, folders, signal } = operation;
  await operation.step("admission", () => {
    parts.admission.reserve(id, shape);
    operation.undo(() => parts.admission.release(id));
  });
  const slot = await operation.step("slot", async () => {
    const slot = await parts.slots.acquire({ internet }, signal);
    operation.undo(() => parts.slots.release(slot.index));
    return slot;
  });
  const accessToken = parts.randomBytes(32).toString("hex");
  const record = { state, slot: slot.index, access_token: accessToken };
  await operation.step("record", async () => {
    operation.undo(() => rm(folders.run, { recursive: true, force: true }));
    // The VMM's user may pass, to its own folder `vm`; no more.
    await mkdir(folders.run, { recursive: true, mode: 0o711 });
    await writeRunRecord(folders.run, record);
  });
  return { slot, uid: parts.uidBase + slot.index, accessToken, record };
}

export interface Origin {
  /** Folder of the generation to wake; undefined: the machine boots. */
  readonly generation: string | undefined;
  /** The VMM that froze it. */
  readonly vmmVersion: string | undefined;
}

/** From a disk to a guest that answers and has been told `identity`; without one it is nobody yet. */
export async function startMachine(
  operation: Operation,
  reservation: Reservation,
  shape: Shape,
  disk: AttachedDisk,
  origin: Origin,
  identity: ((accessToken: string) => GuestIdentity) | undefined,
): Promise<RunningSandbox> {
  const { parts, id, folders, signal } = operation;
  const { slot, uid, accessToken } = reservation;
  const cgroup = await operation.step("cgroup", async () => {
    const cgroup = await parts.cgroups.create(cgroupName(parts, id), {
      memoryBytes: (shape.memoryMb + parts.vmm.overheadMb) * 1024 * 1024,
      cpus: shape.vcpus + CPUS_BEYOND_VCPUS,
      pids: shape.vcpus + PIDS_BEYOND_VCPUS,
      cpuWeight: shape.giveWay && GIVING_WAY_WEIGHT,
    });
    operation.undo(() => cgroup.remove());
    return cgroup;
  });
  const machine = await operation.step("machine", async () => {
    operation.undo(() => rm(join(folders.data, SAVE_FOLDER), { recursive: true, force: true }));
    operation.undo(() => parts.vmm.stop(folders));
    if (origin.generation !== undefined) await shortenOverlong(parts, origin.generation, signal);
    const machine = await parts.vmm.start(
      {
        sandboxId: id,
        vcpus: shape.vcpus,
        memoryMb: shape.memoryMb,
        memory: {
          mode: parts.memoryMode,
          from: origin.generation,
          saveFolder: await makeSaveFolder(folders.data, uid),
        },
        vmmVersion: origin.vmmVersion,
        disk,
        slot,
        uid,
        cgroupProcs: cgroup.procs,
        folders,
      },
      signal,
    );
    operation.undo(() => machine[Symbol.dispose]());
    return machine;
  });
  if (origin.generation !== undefined) await operation.step("thaw", () => machine.thaw());
  const envd = await operation.step("boot", async () => {
    const envd = parts.connectEnvd({ address: slot.address, accessToken });
    operation.undo(async () => await envd[Symbol.asyncDispose]());
    if (origin.generation === undefined) await waitForGuest(envd, machine, signal);
    return envd;
  });
  await operation.step("init", async () => {
    if (!identity) return;
    const tell = (limited: AbortSignal) => envd.init(identity(accessToken), limited);
    // A woken guest listens already: it is told at once, and asked whether it is there only when it was too slow to take the connection.
    await whileItRuns(machine, INIT_LIMIT_MS, signal, tell).catch(async (error: unknown) => {
      if (origin.generation === undefined || signal.aborted) throw error;
      await waitForGuest(envd, machine, signal);
      await whileItRuns(machine, INIT_LIMIT_MS, signal, tell);
    });
  });
  const { fingerprint } = parts.vmm;
  const vmm = { ...fingerprint, version: origin.vmmVersion ?? fingerprint.version };
  return { machine, vmm, envd, slot, startedAt: parts.now(), wokenFrom: origin.generation };
}

/** Writes down that it runs: from here on it outlives the agent. */
export async function keepRunning(
  operation: Operation,
  { record }: Reservation,
  { vmm, startedAt }: RunningSandbox,
): Promise<void> {
  await writeRunRecord(operation.folders.run, {
    ...record,
    state: "running",
    started_at: startedAt.toISOString(),
    vmm,
  });
}

/** Empty, and the VMM's user's alone. */
async function makeSaveFolder(dataFolder: string, uid: number): Promise<string> {
  const folder = join(dataFolder, SAVE_FOLDER);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { mode: 0o700 });
  await chown(folder, uid, uid);
  return folder;
}

/** Until envd answers. @throws as `whileItRuns` */
function waitForGuest(envd: EnvdClient, machine: Machine, signal: AbortSignal): Promise<void> {
  return whileItRuns(machine, BOOT_LIMIT_MS, signal, (limited) => envd.waitHealthy(limited));
}

/** @throws RoostError `host_failed` when the machine ends before the work, or that takes beyond all patience. */
async function whileItRuns(
  machine: Machine,
  limitMs: number,
  signal: AbortSignal,
  work: (limited: AbortSignal) => Promise<void>,
): Promise<void> {
  const giveUp = new AbortController();
  const timer = setTimeout(() => {
    giveUp.abort(new RoostError("host_failed", `The guest did not answer within ${limitMs / 1000} seconds.`));
  }, limitMs);
  let waiting = true;
  void machine.ended.then(({ reason }) => {
    if (waiting) giveUp.abort(new RoostError("host_failed", `The guest did not come up. ${reason}`));
  });
  try {
    await work(AbortSignal.any([signal, giveUp.signal]));
  } finally {
    waiting = false;
    clearTimeout(timer);
  }
}
