/** What sandboxes are made from: a base image that they boot, or a frozen moment that they wake from. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { linkGeneration, type Manifest, readManifest } from "../generations/generations.ts";
import { findImage } from "../images/images.ts";
import { pinImage } from "../images/pin.ts";
import { basePath, GENERATIONS_FOLDER, generationFolder } from "./own-generations.ts";
import type { Parts } from "./parts.ts";
import type { SpecRecord } from "./records.ts";
import type { SandboxSpec } from "./sandbox.ts";
import { checkRestorable, snapshotFolder } from "./snapshots.ts";
import type { Origin, Shape } from "./start-machine.ts";

/** What a sandbox begins as. */
export interface Source {
  readonly shape: Shape;
  /** Undefined: it boots. */
  readonly madeFrom: SpecRecord["made_from"];
  /** Puts it into the sandbox's data folder. */
  readonly place: (dataFolder: string) => Promise<Origin>;
}

/** A base image, booted and frozen before: what a sandbox of the image is made from instead. */
export interface WarmBase {
  /** Of its generation. */
  readonly folder: string;
  readonly manifest: Manifest;
}

export async function imageSource(
  parts: Parts,
  { template, vcpus, memoryMb }: Pick<SandboxSpec, "template" | "vcpus" | "memoryMb">,
): Promise<Source> {
  const image = await findImage(parts.assets, template);
  return {
    shape: { vcpus, memoryMb },
    madeFrom: undefined,
    place: async (dataFolder) => {
      await pinImage(image, parts.roots.images, basePath(dataFolder));
      return { generation: undefined, vmmVersion: undefined };
    },
  };
}

/** A snapshot's own vCPUs and memory hold, whatever was asked for (S5). */
export async function snapshotSource(parts: Parts, snapshotId: string, signal: AbortSignal): Promise<Source> {
  const folder = snapshotFolder(parts.roots, snapshotId);
  const manifest = await readManifest(folder);
  await checkRestorable(parts, folder, manifest, signal);
  return generationSource("snapshot", folder, manifest);
}

/** The sandbox has the generation as its own from then on; what becomes of the snapshot or the warm base is nothing to it. */
function generationSource(origin: "warm base" | "snapshot", folder: string, manifest: Manifest): Source {
  const { vcpus, memory_mb: memoryMb, generation } = manifest;
  return {
    shape: { vcpus, memoryMb },
    madeFrom: { origin, generation },
    place: async (dataFolder) => {
      await mkdir(join(dataFolder, GENERATIONS_FOLDER), { mode: 0o700 });
      const own = generationFolder(dataFolder, generation);
      await linkGeneration(folder, own, { durable: false });
      return { generation: own, vmmVersion: manifest.vmm.version };
    },
  };
}

export async function warmSource({ folder, manifest }: WarmBase): Promise<Source> {
  return generationSource("warm base", folder, manifest);
}
