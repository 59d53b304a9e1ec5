/** How much memory a VMM's guest takes of the machine: its share of each page (PSS), as the kernel tells it. */
import { readFile } from "node:fs/promises";

export interface Shares {
  /** Of the mappings that are the guest's memory, in MiB. */
  readonly guest: number;
  /** Of all others: the VMM's own. */
  readonly own: number;
}

interface Mapping {
  readonly start: bigint;
  readonly end: bigint;
  readonly pss: number;
}

export async function sharesOf(pid: number, memoryMb: number): Promise<Shares> {
  return shares(await readFile(`/proc/${pid}/smaps`, "utf8"), memoryMb);
}

/** The guest's memory is the stretch of mappings without a gap that is as long as it, and of which one at least is a layer's file. */
export function shares(smaps: string, memoryMb: number): Shares {
  const blocks = smaps.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m).filter((block) => block !== "");
  const mappings = blocks.map(mappingOf);
  const length = BigInt(memoryMb) * 1024n * 1024n;
  const layers = blocks.flatMap((block, index) => (/\.layer( \(deleted\))?$/m.test(block) ? [index] : []));
  for (let first = 0; first < mappings.length; first++) {
    const last = lastOf(mappings, first, length);
    if (last === undefined || !layers.some((index) => index >= first && index <= last)) continue;
    const all = sum(mappings);
    const guest = sum(mappings.slice(first, last + 1));
    return { guest, own: all - guest };
  }
  throw new Error(`the VMM has no memory of ${memoryMb} MiB made of layers`);
}

/** Of the mappings that make up `length` bytes from the first on. */
function lastOf(mappings: readonly Mapping[], first: number, length: bigint): number | undefined {
  const start = mappings[first]?.start ?? 0n;
  for (let index = first; index < mappings.length; index++) {
    const mapping = mappings[index];
    if (!mapping || (index > first && mapping.start !== mappings[index - 1]?.end)) return undefined;
    if (mapping.end - start === length) return index;
    if (mapping.end - start > length) return undefined;
  }
  return undefined;
}

function mappingOf(block: string): Mapping {
  const [, start = "0", end = "0"] = /^([0-9a-f]+)-([0-9a-f]+) /.exec(block) ?? [];
  const [, pss = "0"] = /^Pss:\s+(\d+) kB$/m.exec(block) ?? [];
  return { start: BigInt(`0x${start}`), end: BigInt(`0x${end}`), pss: Number(pss) };
}

function sum(mappings: readonly Mapping[]): number {
  return mappings.reduce((total, { pss }) => total + pss, 0) / 1024;
}
