/** Booting a sandbox to find out whether a VMM can; see vmm/choose.ts. */
import { createHash, randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { RoostError } from "@roost/protocol/errors";
import { newId } from "@roost/protocol/ids";
import { createSandbox } from "../sandboxes/create.ts";
import { destroySandbox } from "../sandboxes/destroy.ts";
import type { Parts } from "../sandboxes/parts.ts";

/** Enough for any image that boots at all. */
const TRIAL_MEMORY_MB = 128;

/** Boots a sandbox from some base image, until its guest agent answers, and destroys it. */
export async function trySandbox(parts: Parts, signal: AbortSignal): Promise<void> {
  const id = newId("sandbox", randomBytes);
  const spec = {
    id,
    template: await anyImage(parts.assets),
    vcpus: 1,
    memoryMb: TRIAL_MEMORY_MB,
    env: {},
    internet: false,
    timeoutSec: 0,
  };
  const running = await createSandbox(parts, spec, parts.now(), signal);
  await destroySandbox(parts, id, running);
}

async function anyImage(assets: string): Promise<string> {
  const names = await readdir(join(assets, "images")).catch(() => [] as string[]);
  const name = names.sort()[0];
  if (name === undefined) {
    throw new RoostError("not_found", `No base image is in ${join(assets, "images")}: ./roost up makes one.`);
  }
  return name;
}

/**
 * The mark that a host uses for its trial before it has joined, and so has no id yet. Always the same for one data folder: what
 * a trial that was cut short has left is found by the next one.
 */
export function trialMark(dataFolder: string): string {
  const alphabet = "abcdefghijklmnopqrstuvwxyz234567";
  const digest = createHash("sha256").update(dataFolder).digest();
  return Array.from(digest.subarray(0, 4), (byte) => alphabet[byte & 31]).join("");
}
