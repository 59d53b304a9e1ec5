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

/** A candidate that has another behind it is given up after this; the last one has create's own limit. */
const TRIAL_LIMIT_MS = 60_000;

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
  const refusals: string[] = [];
  for (const vmm of choice.candidates) {
    const last = vmm === choice.candidates.at(-1);
    const limit = last ? signal : AbortSignal.any([signal, AbortSignal.timeout(TRIAL_LIMIT_MS)]);
    const name = nameOf(vmm.description);
    choice.logger.info({ vmm: name }, "trying whether this machine can boot a guest so");
    try {
      await choice.attempt(vmm, limit);
    } catch (error) {
      signal.throwIfAborted();
      const reason = error instanceof Error ? error.message : String(error);
      choice.logger.info({ vmm: name, reason }, "this machine cannot");
      refusals.push(`${name}: ${reason}`);
      continue;
    }
    await keep(choice, vmm.description);
    return vmm;
  }
  throw new RoostError("internal", `This machine cannot boot a guest. ${refusals.join(" ")}`);
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

async function keep({ file, circumstances, candidates }: VmmChoice, chosen: VmmDescription): Promise<void> {
  const kept: Kept = { circumstances, candidates: candidates.map(descriptionOf), chosen };
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.new`, JSON.stringify(kept));
  await rename(`${file}.new`, file);
}

const descriptionOf = (vmm: Vmm): VmmDescription => vmm.description;

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
