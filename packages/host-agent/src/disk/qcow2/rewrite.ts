/**
 * Frozen layers made into one layer, or with their base into one image, by `roost-disk` (`native/disk-layers`). VMMs wrote the layers:
 * that program reads them as nobody, with nothing but its open files.
 */
import { lstat, rm } from "node:fs/promises";
import { RoostError } from "@roost/protocol/errors";
import { runInBackground } from "../../commands/background.ts";
import type { DiskChain } from "../root-disk.ts";

/** Beside those of PostgreSQL and the control plane; it owns nothing. */
const READER_UID = "1899999003";

export class LayerRewriter {
  readonly #program: string;

  /** @param program path of `roost-disk` */
  constructor(program: string) {
    this.#program = program;
  }

  merge(layers: readonly string[], sizeBytes: number, to: string, signal: AbortSignal): Promise<void> {
    return this.#write(to, ["merge", READER_UID, String(sizeBytes), to, ...layers], signal);
  }

  flatten({ base, layers }: DiskChain, to: string, signal: AbortSignal): Promise<void> {
    return this.#write(to, ["flatten", READER_UID, to, base, ...layers], signal);
  }

  async #write(to: string, args: readonly string[], signal: AbortSignal): Promise<void> {
    const taken = await lstat(to).catch(() => undefined);
    if (taken) throw new RoostError("conflict", `could not write the disk ${to}: there is one already`);
    try {
      await runInBackground([this.#program, ...args], signal);
    } catch (error) {
      await rm(to, { force: true });
      throw error;
    }
  }
}
