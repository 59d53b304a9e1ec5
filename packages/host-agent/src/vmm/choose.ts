/**
 * Which VMM this host runs, found out by doing: the first candidate that boots the real kernel to envd.
 *
 * Flags and device nodes do not tell: /dev/kvm may be there and unable to run a guest (nested virtualisation switched off, a
 * cloud's stub), and a CPU flag says nothing about permissions.
 */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { RoostError } from "@roost/protocol/errors";
import type { Logger } from "pino";
import type { Vmm, VmmDescription } from "./vmm.ts";

/** After this the next candidate is tried beside one that has not come up: one that hangs holds nobody up, and one that is slow may still win. */
const PATIENCE_MS = 60_000;

export interface VmmChoice {
  /** In order of preference. */
  readonly candidates: readonly Vmm[];
  /** Boots a sandbox with this VMM and destroys it; rejects when it does not come up. */
  readonly attempt: (vmm: Vmm, signal: AbortSignal) => Promise<void>;
  /** Where the result is kept. */
  readonly file: string;
  /** What a result depends on beside the VMM: kernel and CPU. Another value: the candidates are tried again. */
  readonly circumstances: string;
  readonly logger: Logger;
  /** Default: a minute. */
  readonly patienceMs?: number;
}

interface Kept {
  readonly circumstances: string;
  readonly candidates: readonly VmmDescription[];
  readonly chosen: VmmDescription;
}

/** @throws RoostError `internal` when no candidate can boot a guest, with the reason of each. */
export async function chooseVmm(choice: VmmChoice, signal: AbortSignal): Promise<Vmm> {
  const kept = await keptChoice(choice);
  if (kept) return kept;
  const chosen = new AbortController();
  const trials: Promise<Vmm>[] = [];
  try {
    for (const vmm of choice.candidates) {
      trials.push(tryOne(vmm, choice, AbortSignal.any([signal, chosen.signal])));
      const winner = await winnerWithin(trials, choice.patienceMs ?? PATIENCE_MS);
      if (winner !== undefined) return await keep(choice, winner);
    }
    return await keep(choice, await Promise.any(trials));
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof AggregateError)) throw error;
    const refusals = (error.errors as Error[]).map(({ message }) => message).join(" ");
    throw new RoostError("internal", `This machine cannot boot a guest. ${refusals}`, { cause: error });
  } finally {
    chosen.abort(new RoostError("internal", "Another VMM was chosen."));
    await Promise.allSettled(trials);
  }
}

/** Itself, when it boots. */
async function tryOne(vmm: Vmm, { attempt, logger }: VmmChoice, signal: AbortSignal): Promise<Vmm> {
  const name = nameOf(vmm.description);
  logger.info({ vmm: name }, "trying whether this machine can boot a guest so");
  try {
    await attempt(vmm, signal);
    return vmm;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (!signal.aborted) logger.info({ vmm: name, reason }, "this machine cannot");
    throw new Error(`${name}: ${reason}`, { cause: error });
  }
}

/** The first that boots; undefined when all have been refused, or none has come up by then. */
async function winnerWithin(trials: readonly Promise<Vmm>[], ms: number): Promise<Vmm | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), ms);
  try {
    return await Promise.race([Promise.any(trials).catch(() => undefined), promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** The candidate that was chosen the last time, whatever the circumstances are now. */
export async function chosenVmm(file: string, candidates: readonly Vmm[]): Promise<Vmm | undefined> {
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const { chosen } = JSON.parse(text) as Kept;
  return candidates.find(({ description }) => isSame(description, chosen));
}

export function nameOf({ name, version, accelerator }: VmmDescription): string {
  return `${name} ${version} with ${accelerator.toUpperCase()}`;
}

async function keptChoice({ file, circumstances, candidates }: VmmChoice): Promise<Vmm | undefined> {
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const kept = JSON.parse(text) as Kept;
  const same = kept.circumstances === circumstances && isSame(kept.candidates, candidates.map(descriptionOf));
  return same ? candidates.find(({ description }) => isSame(description, kept.chosen)) : undefined;
}

async function keep({ file, circumstances, candidates }: VmmChoice, vmm: Vmm): Promise<Vmm> {
  const kept: Kept = { circumstances, candidates: candidates.map(descriptionOf), chosen: vmm.description };
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.new`, JSON.stringify(kept));
  await rename(`${file}.new`, file);
  return vmm;
}

const descriptionOf = (vmm: Vmm): VmmDescription => vmm.description;

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
