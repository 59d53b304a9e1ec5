/**
 * Rounds in which Roost and its floor take turns, so that whatever else the machine does meanwhile meets both alike. The first ones warm
 * caches, and are not counted.
 */
import type { RowId } from "./rows.ts";

export type Numbers = Partial<Record<RowId, number>>;

/** Ready to be measured. What one side does leaves the other as it was. */
export interface Scenario extends AsyncDisposable {
  roost(): Promise<Numbers>;
  floor(): Promise<Numbers>;
}

/** How long the agent took for each phase of an operation, in milliseconds. */
export interface OperationPhases {
  readonly operation: string;
  readonly milliseconds: Readonly<Record<string, number>>;
}

export interface Samples {
  readonly roost: number[];
  readonly floor: number[];
  readonly phases: OperationPhases[];
}

export interface Measuring {
  readonly warmUps: number;
  readonly rounds: number;
  /** Those of all operations since the last time, on either side. */
  readonly newPhases: () => Promise<readonly OperationPhases[]>;
  readonly onRound: (round: number) => void;
  readonly signal: AbortSignal;
}

/** @param operations of each row, whose phases are kept. */
export async function measure(
  scenario: Scenario,
  operations: ReadonlyMap<RowId, readonly string[]>,
  { warmUps, rounds, newPhases, onRound, signal }: Measuring,
): Promise<ReadonlyMap<RowId, Samples>> {
  const found = new Map(
    Array.from(operations.keys(), (id): [RowId, Samples] => [id, { roost: [], floor: [], phases: [] }]),
  );
  for (let round = 1 - warmUps; round <= rounds; round++) {
    signal.throwIfAborted();
    onRound(round);
    await newPhases();
    const roost = await scenario.roost();
    const floor = await scenario.floor();
    const phases = await newPhases();
    if (round < 1) continue;
    for (const [id, samples] of found) {
      samples.roost.push(expected(id, roost));
      samples.floor.push(expected(id, floor));
      samples.phases.push(...phases.filter(({ operation }) => operations.get(id)?.includes(operation)));
    }
  }
  return found;
}

function expected(id: RowId, numbers: Numbers): number {
  const number = numbers[id];
  if (number === undefined) throw new TypeError(`nothing was measured for ${id}`);
  return number;
}
