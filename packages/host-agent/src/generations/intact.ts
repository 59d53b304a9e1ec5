/**
 * Whether a generation still is what was sealed: all of its files there, and with their checksums. To read them takes a moment, so a file
 * is read once in an agent's life, and one that was written in it not at all; one that was changed since is another file.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { CommandError, type CommandRunner } from "../commands/run.ts";
import type { Manifest } from "./manifest.ts";

/** Forgotten beyond this, and read again: some megabytes. */
const MOST_KNOWN = 100_000;
/** Gigabytes from a slow disk. */
const LIMIT_MS = 10 * 60_000;

export class IntactGenerations {
  readonly #keeperProgram: string;
  readonly #run: CommandRunner;
  readonly #known = new Set<string>();

  constructor(keeperProgram: string, run: CommandRunner) {
    this.#keeperProgram = keeperProgram;
    this.#run = run;
  }

  /** It has just been written, and its checksums with it. */
  async trust(folder: string, manifest: Pick<Manifest, "files">): Promise<void> {
    this.#remember(await identities(folder, manifest));
  }

  /** @returns what is wrong, for a person; undefined when nothing is. */
  async faultOf(folder: string, manifest: Pick<Manifest, "files">, signal: AbortSignal): Promise<string | undefined> {
    const files = await identities(folder, manifest);
    if (files.every((file) => file !== undefined && this.#known.has(file))) return undefined;
    try {
      await this.#run([this.#keeperProgram, "verify", folder], { timeoutMs: LIMIT_MS, signal });
    } catch (error) {
      if (error instanceof CommandError && error.status === 1) return firstLine(error.stdout);
      throw error;
    }
    this.#remember(files);
    return undefined;
  }

  #remember(files: readonly (string | undefined)[]): void {
    if (this.#known.size > MOST_KNOWN) this.#known.clear();
    for (const file of files) if (file !== undefined) this.#known.add(file);
  }
}

/** What a file is, by whichever of its names; undefined for one that is not there. */
async function identities(folder: string, { files }: Pick<Manifest, "files">): Promise<(string | undefined)[]> {
  return await Promise.all(
    files.map(async ({ name, size: expected }) => {
      const facts = await stat(join(folder, name), { bigint: true }).catch(() => undefined);
      if (!facts || facts.size !== BigInt(expected)) return undefined;
      return `${facts.dev}:${facts.ino}:${facts.size}:${facts.mtimeNs}`;
    }),
  );
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] || "it is damaged";
}
