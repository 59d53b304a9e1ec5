/**
 * Warm bases: base images that were booted and frozen before anybody asks, one for each shape that was asked for. Making a sandbox is
 * waking one of them, as soon as there is one; until then it boots.
 */
import { rm } from "node:fs/promises";
import type { Parts } from "../sandboxes/parts.ts";
import { Shelf } from "./shelf.ts";
import { warmBase } from "./warm-base.ts";
import { Warmer } from "./warmer.ts";

/** Removes what is not usable any more first. */
export async function openWarmBases(parts: Parts): Promise<Warmer> {
  const { now, logger, intact } = parts;
  const shelf = new Shelf(parts);
  await shelf.tidy();
  return new Warmer({
    shelf,
    warm: (order, signal) => warmBase(parts, shelf, order, signal),
    faultOf: ({ folder, manifest }, signal) => intact.faultOf(folder, manifest, signal),
    now,
    logger,
  });
}

/** Of a host that is not to have any. Sandboxes keep what they were made from. */
export async function removeWarmBases({ roots }: Parts): Promise<void> {
  await rm(roots.warmBases, { recursive: true, force: true });
}
