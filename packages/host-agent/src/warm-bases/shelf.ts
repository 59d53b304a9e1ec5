/**
 * The warm bases that are there: generations in `$ROOST_DATA/warm-bases/<image>/<vcpus>x<memory>-<digest>/`. The digest is that of what they
 * were booted from, so what a new image, kernel or guest agent has made useless is not found any more, and is removed when the
 * shelf is tidied. The time of a folder's last change is that of its last use.
 */
import { createHash } from "node:crypto";
import { mkdir, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import { readManifest, removeGeneration } from "../generations/generations.ts";
import { findImage } from "../images/images.ts";
import type { Parts } from "../sandboxes/parts.ts";
import type { WarmBase } from "../sandboxes/sources.ts";
import type { Shape } from "../sandboxes/start-machine.ts";

/** Shapes of one image that are kept warm. */
const MOST_SHAPES = 8;
const NAME = /^\d+x\d+-([0-9a-f]{16})$/;

export type ShelfParts = Pick<Parts, "assets" | "now"> & {
  readonly roots: Pick<Parts["roots"], "warmBases">;
  readonly vmm: Pick<Parts["vmm"], "fingerprint" | "bootIdentity" | "cannotWake">;
};

export class Shelf {
  readonly #parts: ShelfParts;

  constructor(parts: ShelfParts) {
    this.#parts = parts;
  }

  /** The one that a sandbox of now can be made from. It counts as used. */
  async find(image: string, shape: Shape): Promise<WarmBase | undefined> {
    const folder = await this.placeOf(image, shape).catch(() => undefined); // No such image: who creates is told.
    const base = folder === undefined ? undefined : await this.#read(folder);
    if (base) await this.#touch(base.folder);
    return base;
  }

  /** Where the one is, or would be, that is booted from what there is now. @throws RoostError `not_found` */
  async placeOf(image: string, shape: Shape): Promise<string> {
    return join(this.#parts.roots.warmBases, image, `${shape.vcpus}x${shape.memoryMb}-${await this.#digest(image)}`);
  }

  /** @param generation a sealed one, on the same file system; it moves. */
  async put(generation: string, place: string): Promise<void> {
    await mkdir(dirname(place), { recursive: true, mode: 0o700 });
    await removeGeneration(place); // Of another VMM, if there is one.
    await rename(generation, place);
    await this.#touch(place);
  }

  remove(base: WarmBase): Promise<void> {
    return removeGeneration(base.folder);
  }

  /** Removes what is of no use any more, and of each image all but those that were used last. */
  async tidy(): Promise<void> {
    for (const image of await namesIn(this.#parts.roots.warmBases)) await this.#tidyImage(image);
  }

  async #tidyImage(image: string): Promise<void> {
    const folder = join(this.#parts.roots.warmBases, image);
    const digest = await this.#digest(image).catch(() => undefined);
    const kept: { readonly path: string; readonly usedMs: number }[] = [];
    for (const name of await namesIn(folder)) {
      const path = join(folder, name);
      const current = digest !== undefined && NAME.exec(name)?.[1] === digest;
      if (current && (await this.#read(path))) kept.push({ path, usedMs: (await stat(path)).mtimeMs });
      else await removeGeneration(path);
    }
    kept.sort((one, other) => other.usedMs - one.usedMs);
    for (const { path } of kept.slice(MOST_SHAPES)) await removeGeneration(path);
    if (digest === undefined) await rm(folder, { recursive: true, force: true });
  }

  /** Undefined also for one that the VMM of now cannot wake, or would wake only as an older version of itself. */
  async #read(folder: string): Promise<WarmBase | undefined> {
    const { vmm } = this.#parts;
    const manifest = await readManifest(folder).catch(() => undefined);
    if (manifest?.vmm.version !== vmm.fingerprint.version) return undefined;
    return (await vmm.cannotWake(manifest.vmm)) === undefined ? { folder, manifest } : undefined;
  }

  async #digest(image: string): Promise<string> {
    const { assets, vmm } = this.#parts;
    const [{ identity }, boot] = await Promise.all([findImage(assets, image), vmm.bootIdentity()]);
    return createHash("sha256").update(`${identity}\n${boot}`).digest("hex").slice(0, 16);
  }

  async #touch(folder: string): Promise<void> {
    const now = this.#parts.now();
    await utimes(folder, now, now).catch(() => {}); // It was removed meanwhile: who wants it will see.
  }
}

async function namesIn(folder: string): Promise<string[]> {
  return await readdir(folder).catch(() => []);
}
