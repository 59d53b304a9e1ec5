/** Named snapshots on this host: `generations/<snapshot id>` beside the sandboxes. */
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { RoostError } from "@roost/protocol/errors";
import { isId } from "@roost/protocol/ids";
import {
  generationSize,
  linkGeneration,
  type Manifest,
  readManifest,
  removeGeneration,
} from "../generations/generations.ts";
import type { SandboxRoots } from "./folders.ts";
import type { Parts } from "./parts.ts";
import type { SnapshotInfo } from "./sandbox.ts";

export function snapshotFolder(roots: Pick<SandboxRoots, "generations">, id: string): string {
  if (!isId("template", id)) throw new TypeError(`not a snapshot id: ${id}`);
  return join(roots.generations, id);
}

/** Makes a snapshot of a generation; when this resolves, it survives a loss of power. */
export async function keepSnapshot(
  parts: Parts,
  { id, sandbox, generation }: { readonly id: string; readonly sandbox: string; readonly generation: string },
): Promise<SnapshotInfo> {
  const { roots, logger } = parts;
  const folder = snapshotFolder(roots, id);
  using steps = parts.steps("keep snapshot", logger.child({ sandbox, snapshot: id }));
  await steps.run("link", async () => {
    await mkdir(roots.generations, { recursive: true, mode: 0o700 });
    await linkGeneration(generation, folder, { durable: true });
  });
  return await describe(id, folder);
}

/** @returns undefined when there is none. */
export async function findSnapshot(roots: SandboxRoots, id: string): Promise<SnapshotInfo | undefined> {
  const folder = snapshotFolder(roots, id);
  return (await readdir(folder).catch(() => undefined)) && (await describe(id, folder));
}

/** Idempotent. It is gone at once, whole, also if the machine dies in the middle. */
export async function deleteSnapshot(parts: Parts, id: string): Promise<void> {
  using steps = parts.steps("delete snapshot", parts.logger.child({ snapshot: id }));
  await steps.run("remove", () => removeGeneration(snapshotFolder(parts.roots, id)));
}

/** Those that can be read; a damaged one is left for a person to look at. */
export async function listSnapshots(roots: SandboxRoots): Promise<SnapshotInfo[]> {
  const names = await readdir(roots.generations).catch(() => [] as string[]);
  const ids = names.filter((name) => isId("template", name));
  const found = await Promise.all(ids.map((id) => describe(id, snapshotFolder(roots, id)).catch(() => undefined)));
  return found.filter((snapshot) => snapshot !== undefined);
}

/** Removes what was left half-made or half-deleted. */
export async function removeHalfSnapshots(roots: SandboxRoots): Promise<void> {
  for (const name of await readdir(roots.generations).catch(() => [] as string[])) {
    if (name.endsWith(".new")) await rm(join(roots.generations, name), { recursive: true, force: true });
  }
}

/** @throws RoostError `conflict` when this host cannot wake it, with the reason. It stays as it is. */
export async function checkRestorable(
  { vmm, intact }: Pick<Parts, "vmm" | "intact">,
  folder: string,
  manifest: Manifest,
  signal: AbortSignal,
): Promise<void> {
  const why = (await vmm.cannotWake(manifest.vmm)) ?? (await intact.faultOf(folder, manifest, signal));
  if (why !== undefined) {
    throw new RoostError("conflict", `Its memory cannot be woken here: ${why}. It is kept; its disk can be booted.`);
  }
}

async function describe(id: string, folder: string): Promise<SnapshotInfo> {
  const [{ vcpus, memory_mb, created_at }, { totalBytes }] = await Promise.all([
    readManifest(folder),
    generationSize(folder),
  ]);
  return { id, vcpus, memoryMb: memory_mb, sizeBytes: totalBytes, createdAt: new Date(created_at) };
}
