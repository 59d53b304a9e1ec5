/**
 * Waking a sandbox: from the memory of its newest generation, or by booting its disk. A failure leaves it as it was; its generation is
 * never touched (S10).
 */
import { RoostError } from "@roost/protocol/errors";
import type { AttachedDisk } from "../disk/root-disk.ts";
import { type Manifest, readManifest } from "../generations/generations.ts";
import { newIdentity, rebootedIdentity, sameIdentity } from "./identity.ts";
import { Operation } from "./operation.ts";
import { chainBelow, newestGeneration, type OwnGeneration } from "./own-generations.ts";
import type { Parts } from "./parts.ts";
import { readSpecRecord, removeEndRecord, type SpecRecord, writeRunRecord } from "./records.ts";
import type { RunningSandbox } from "./sandbox.ts";
import { checkRestorable } from "./snapshots.ts";
import { keepRunning, type Origin, type Reservation, reserve, startMachine } from "./start-machine.ts";

export type ResumeMode = "memory" | "disk";

/** @throws RoostError `not_paused` (it has nothing to be resumed from in this way), `conflict` (its memory cannot be woken here), … */
export async function resumeSandbox(
  parts: Parts,
  id: string,
  mode: ResumeMode,
  signal: AbortSignal,
): Promise<RunningSandbox> {
  await using operation = new Operation(parts, "resume", id, signal);
  const { folders } = operation;
  const source = await operation.step("generation", () => findSource(operation, mode));
  const shape = { vcpus: source.spec.vcpus, memoryMb: source.spec.memory_mb };
  const reservation = await reserve(operation, shape, source.spec.internet, "resuming");
  const disk = await operation.step("disk", () =>
    mode === "memory" ? freshDisk(operation, reservation) : newestDisk(operation, reservation),
  );
  const origin: Origin =
    mode === "memory"
      ? { generation: source.generation?.folder, vmmVersion: source.manifest?.vmm.version }
      : { generation: undefined, vmmVersion: undefined };
  const running = await startMachine(operation, reservation, shape, disk, origin, (accessToken) => {
    if (mode === "disk") return rebootedIdentity(parts, id, source.spec.env, accessToken);
    return isOwn(source) ? sameIdentity(parts, accessToken) : newIdentity(parts, id, source.spec.env, accessToken);
  });
  await operation.step("keep", () => keepRunning(operation, reservation, running));
  operation.complete();
  await removeEndRecord(folders.data);
  await parts.rootDisk.dropAside(folders.data);
  return running;
}

interface Source {
  readonly spec: SpecRecord;
  readonly generation: OwnGeneration | undefined;
  readonly manifest: Manifest | undefined;
}

async function findSource({ parts, id, folders, signal }: Operation, mode: ResumeMode): Promise<Source> {
  const spec = await readSpecRecord(folders.data);
  if (!spec) throw new RoostError("not_paused", `The sandbox ${id} is not whole any more: a loss of power took it.`);
  const generation = await newestGeneration(folders.data);
  const manifest = generation && (await readManifest(generation.folder));
  if (mode === "disk") return { spec, generation, manifest };
  const booted = spec.made_from === undefined || spec.made_from.origin === "warm base";
  if (!manifest || !generation || (booted && !isOwn({ spec, generation }))) {
    throw new RoostError(
      "not_paused",
      `The sandbox ${id} was never paused: resume it from its disk, with mode "disk".`,
    );
  }
  await checkRestorable(parts, generation.folder, manifest, signal);
  return { spec, generation, manifest };
}

/** Whether it was frozen as itself: not as what it was made from, whose name and clock are not its own. */
function isOwn({ spec, generation }: Pick<Source, "spec" | "generation">): boolean {
  return generation?.number !== spec.made_from?.generation;
}

/**
 * A fresh layer over the generation's disk. What a machine that died had written since is not of that moment: it is set aside, and
 * given up once the sandbox runs.
 */
async function freshDisk(operation: Operation, { uid, record }: Reservation): Promise<AttachedDisk> {
  const { parts, folders, signal } = operation;
  const { rootDisk } = parts;
  await writeRunRecord(folders.run, { ...record, fresh_layer: true });
  operation.undo(() => takeBackDisk(parts, folders.data));
  const chain = await chainBelow(folders.data);
  if (await rootDisk.hasLayerOver(chain, folders.data)) await rootDisk.setAside(folders.data);
  else await rootDisk.remove(folders.data);
  return await rootDisk.create(chain, folders.data, uid, signal);
}

/** The disk as it was last written: by a machine that died, or by the generation. */
async function newestDisk(operation: Operation, reservation: Reservation): Promise<AttachedDisk> {
  const { parts, folders, signal } = operation;
  const { rootDisk } = parts;
  const chain = await chainBelow(folders.data);
  if (!(await rootDisk.hasLayerOver(chain, folders.data))) return await freshDisk(operation, reservation);
  operation.undo(() => rootDisk.detach(folders.data));
  return await rootDisk.attach(chain, folders.data, reservation.uid, signal);
}

/** Undoes `freshDisk`, also for an agent that died in the middle of it. */
export async function takeBackDisk({ rootDisk }: Pick<Parts, "rootDisk">, dataFolder: string): Promise<void> {
  await rootDisk.detach(dataFolder);
  await rootDisk.remove(dataFolder);
  await rootDisk.putBack(dataFolder);
}
