/** Making a sandbox, in steps, each of which is undone when a later one fails. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { RoostError } from "@roost/protocol/errors";
import type { GuestIdentity } from "../envd-client/envd-client.ts";
import { makingMarker } from "./folders.ts";
import { newIdentity } from "./identity.ts";
import { Operation } from "./operation.ts";
import { chainBelow } from "./own-generations.ts";
import type { Parts } from "./parts.ts";
import { writeSpecRecord } from "./records.ts";
import type { RunningSandbox, SandboxSpec } from "./sandbox.ts";
import { imageSource, type Source, snapshotSource, type WarmBase, warmSource } from "./sources.ts";
import { keepRunning, type Reservation, reserve, type Shape, startMachine } from "./start-machine.ts";

/** Where create looks for warm bases; see warm-bases/. */
export interface WarmBases {
  /** Counts as use. It may be gone at any moment. @throws the signal's reason, and nothing else. */
  find(image: string, shape: Shape, signal: AbortSignal): Promise<WarmBase | undefined>;
  /** No sandbox could be made from it. */
  giveUp(base: WarmBase, reason: unknown): Promise<void>;
  /** A sandbox of this image and shape had to be booted. */
  want(image: string, shape: Shape): void;
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
  warmBases?: WarmBases,
): Promise<RunningSandbox> {
  if (spec.snapshotId !== undefined) {
    return await make(parts, spec, () => snapshotSource(parts, spec.snapshotId ?? "", signal), createdAt, signal);
  }
  const { template, vcpus, memoryMb } = spec;
  const base = await warmBases?.find(template, { vcpus, memoryMb }, signal);
  if (base) {
    try {
      return await make(parts, spec, () => warmSource(base), createdAt, signal);
    } catch (error) {
      if (signal.aborted || isOfTheHost(error)) throw error;
      await warmBases?.giveUp(base, error);
    }
  }
  const running = await make(parts, spec, () => imageSource(parts, spec), createdAt, signal);
  if (!base) warmBases?.want(template, { vcpus, memoryMb });
  return running;
}

/** Whether it would have failed from any source. */
function isOfTheHost(error: unknown): boolean {
  return error instanceof RoostError && (error.code === "no_capacity" || error.code === "disk_full");
}

async function make(
  parts: Parts,
  spec: SandboxSpec,
  findSource: () => Promise<Source>,
  createdAt: Date,
  signal: AbortSignal,
): Promise<RunningSandbox> {
  await using operation = new Operation(parts, "create", spec.id, signal);
  const source = await operation.step("image", findSource);
  const { reservation, running } = await bringUp(operation, spec, source, createdAt, (accessToken) =>
    newIdentity(parts, spec.id, spec.env, accessToken),
  );
  await operation.step("keep", async () => {
    await keepRunning(operation, reservation, running);
    await rm(makingMarker(operation.folders));
  });
  operation.complete();
  parts.logger.info({ sandbox: spec.id, origin: source.madeFrom?.origin ?? "boot" }, "made");
  return running;
}

/** From nothing to a guest that answers; until its maker takes the marker away, who finds it removes it. */
export async function bringUp(
  operation: Operation,
  spec: SandboxSpec,
  { shape, madeFrom, place }: Source,
  createdAt: Date,
  identity: ((accessToken: string) => GuestIdentity) | undefined,
): Promise<{ reservation: Reservation; running: RunningSandbox }> {
  const { folders, parts, signal } = operation;
  const reservation = await reserve(operation, shape, spec.internet, "starting");
  await operation.step("folder", async () => {
    operation.undo(() => rm(folders.data, { recursive: true, force: true }));
    await mkdir(folders.data, { recursive: true, mode: 0o700 });
    await writeFile(makingMarker(folders), "");
    await writeSpecRecord(folders.data, {
      template: spec.template,
      vcpus: shape.vcpus,
      memory_mb: shape.memoryMb,
      internet: spec.internet,
      timeout_sec: spec.timeoutSec,
      env: { ...spec.env },
      created_at: createdAt.toISOString(),
      ...(madeFrom ? { made_from: madeFrom } : {}),
    });
  });
  const origin = await operation.step("source", () => place(folders.data));
  const disk = await operation.step("disk", async () => {
    const disk = await parts.rootDisk.create(await chainBelow(folders.data), folders.data, reservation.uid, signal);
    operation.undo(() => parts.rootDisk.remove(folders.data));
    return disk;
  });
  const running = await startMachine(operation, reservation, shape, disk, origin, identity);
  return { reservation, running };
}
