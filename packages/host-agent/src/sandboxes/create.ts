/** Making a sandbox, in steps, each of which is undone when a later one fails. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { linkGeneration, type Manifest, readManifest } from "../generations/generations.ts";
import { findImage } from "../images/images.ts";
import { pinImage } from "../images/pin.ts";
import { makingMarker } from "./folders.ts";
import { newIdentity } from "./identity.ts";
import { Operation } from "./operation.ts";
import { basePath, chainBelow, GENERATIONS_FOLDER, generationFolder } from "./own-generations.ts";
import type { Parts } from "./parts.ts";
import { writeSpecRecord } from "./records.ts";
import type { RunningSandbox, SandboxSpec } from "./sandbox.ts";
import { checkRestorable, snapshotFolder } from "./snapshots.ts";
import { keepRunning, type Origin, reserve, startMachine } from "./start-machine.ts";

/** What a sandbox begins as. */
interface Source {
  readonly shape: { readonly vcpus: number; readonly memoryMb: number };
  /** Puts it into the sandbox's data folder. */
  readonly place: (dataFolder: string) => Promise<Origin>;
}

/**
 * @throws RoostError `not_found` (no such image or snapshot), `no_capacity`, `disk_full`, `conflict` (a snapshot that this host cannot
 * wake), `host_failed` (the machine did not come up); the signal's reason when aborted. Nothing of the sandbox is left then.
 */
export async function createSandbox(
  parts: Parts,
  spec: SandboxSpec,
  createdAt: Date,
  signal: AbortSignal,
): Promise<RunningSandbox> {
  await using operation = new Operation(parts, "create", spec.id, signal);
  const { folders } = operation;
  const source = await operation.step("image", () => findSource(parts, spec));
  const reservation = await reserve(operation, source.shape, spec.internet, "starting");
  await operation.step("folder", async () => {
    operation.undo(() => rm(folders.data, { recursive: true, force: true }));
    await mkdir(folders.data, { recursive: true, mode: 0o700 });
    await writeFile(makingMarker(folders), "");
    await writeSpecRecord(folders.data, {
      template: spec.template,
      vcpus: source.shape.vcpus,
      memory_mb: source.shape.memoryMb,
      internet: spec.internet,
      timeout_sec: spec.timeoutSec,
      env: { ...spec.env },
      created_at: createdAt.toISOString(),
    });
  });
  const origin = await operation.step("source", () => source.place(folders.data));
  const disk = await operation.step("disk", async () => {
    const disk = await parts.rootDisk.create(await chainBelow(folders.data), folders.data, reservation.uid, signal);
    operation.undo(() => parts.rootDisk.remove(folders.data));
    return disk;
  });
  const running = await startMachine(operation, reservation, source.shape, disk, origin, (accessToken) =>
    newIdentity(parts, spec.id, spec.env, accessToken),
  );
  await operation.step("keep", async () => {
    await keepRunning(operation, reservation, running);
    await rm(makingMarker(folders));
  });
  operation.complete();
  return running;
}

async function findSource(parts: Parts, spec: SandboxSpec): Promise<Source> {
  return spec.snapshotId === undefined ? await imageSource(parts, spec) : await snapshotSource(parts, spec.snapshotId);
}

async function imageSource(parts: Parts, { template, vcpus, memoryMb }: SandboxSpec): Promise<Source> {
  const image = await findImage(parts.assets, template);
  return {
    shape: { vcpus, memoryMb },
    place: async (dataFolder) => {
      await pinImage(image, parts.roots.images, basePath(dataFolder));
      return { generation: undefined, vmmVersion: undefined };
    },
  };
}

/** A snapshot's own vCPUs and memory hold, whatever was asked for (S5). */
async function snapshotSource(parts: Parts, snapshotId: string): Promise<Source> {
  const folder = snapshotFolder(parts.roots, snapshotId);
  const manifest = await readManifest(folder);
  await checkRestorable(parts.vmm, manifest);
  return {
    shape: { vcpus: manifest.vcpus, memoryMb: manifest.memory_mb },
    place: (dataFolder) => placeGeneration(folder, manifest, dataFolder),
  };
}

/** The sandbox has the generation as its own from then on; what becomes of the snapshot is nothing to it. */
async function placeGeneration(folder: string, manifest: Manifest, dataFolder: string): Promise<Origin> {
  await mkdir(join(dataFolder, GENERATIONS_FOLDER), { mode: 0o700 });
  const own = generationFolder(dataFolder, manifest.generation);
  await linkGeneration(folder, own, { durable: false });
  return { generation: own, vmmVersion: manifest.vmm.version };
}
