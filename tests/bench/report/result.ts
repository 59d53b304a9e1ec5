/** What a run has found, as `--json` prints it and `bench/results/` keeps it. */
import type { OperationPhases, Samples } from "../measure.ts";
import { ROWS, type RowId } from "../rows.ts";
import { median, type Summary, summarize } from "../samples.ts";

export interface RowResult {
  readonly id: RowId;
  readonly title: string;
  readonly unit: string;
  readonly roost: Summary;
  /** By hand, or whatever the row is compared with. */
  readonly floor: Summary & { readonly what: string };
  /** Of the medians. */
  readonly ratio: number;
  readonly target: number | null;
  readonly kept: boolean | null;
  /** Medians of the agent's phases, in milliseconds, by operation. */
  readonly phases: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly samples: { readonly roost: readonly number[]; readonly floor: readonly number[] };
  /** What else is to be known of it. */
  readonly note: string | null;
}

export interface MachineFacts {
  readonly cpu: string;
  readonly cores: number;
  readonly kernel: string;
  readonly vmm: string;
}

export interface BenchResult {
  readonly at: string;
  readonly commit: string | null;
  readonly machine: MachineFacts;
  readonly rounds: number;
  readonly rows: readonly RowResult[];
}

export function rowResult(id: RowId, samples: Samples, note?: string): RowResult {
  const { title, unit, floor: what, target } = ROWS[id];
  const [roost, floor] = [summarize(samples.roost), summarize(samples.floor)];
  const ratio = roost.median / floor.median;
  return {
    ...{ id, title, unit, roost, floor: { what, ...floor }, ratio },
    target: target ?? null,
    kept: target === undefined ? null : ratio <= target,
    phases: medians(samples.phases),
    samples: { roost: samples.roost, floor: samples.floor },
    note: note ?? null,
  };
}

/** Of the rows with a promise, the one that is furthest from it (or nearest to it); of others, that with the largest ratio. */
export function slowest(rows: readonly RowResult[]): RowResult | undefined {
  const withPhases = rows.filter(({ phases }) => Object.keys(phases).length > 0);
  const promised = withPhases.filter(({ target }) => target !== null);
  const candidates = promised.length > 0 ? promised : withPhases;
  return candidates.toSorted((one, other) => strain(other) - strain(one))[0];
}

function strain({ ratio, target }: RowResult): number {
  return ratio / (target ?? 1);
}

function medians(phases: readonly OperationPhases[]): RowResult["phases"] {
  const result: Record<string, Record<string, number>> = {};
  for (const [operation, all] of Map.groupBy(phases, (phase) => phase.operation)) {
    const names = Object.keys(all[0]?.milliseconds ?? {});
    result[operation] = Object.fromEntries(
      names.map((name) => [name, median(all.map(({ milliseconds }) => milliseconds[name] ?? 0))]),
    );
  }
  return result;
}
