/** What stands after `./roost bench`. */
import { parseArgs } from "node:util";
import { ROW_IDS, type RowId } from "./rows.ts";

export interface BenchOptions {
  readonly rows: readonly RowId[];
  readonly rounds: number;
  /** The result as JSON on standard output, in the place of the table. */
  readonly json: boolean;
}

const ROUNDS = 10;

/** @throws TypeError with a sentence that says what would be right. */
export function parseOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string", multiple: true, default: [] },
      rounds: { type: "string", default: String(ROUNDS) },
      json: { type: "boolean", default: false },
    },
  });
  const wanted = values.only.flatMap((names) => names.split(","));
  for (const name of wanted) {
    if (!(ROW_IDS as readonly string[]).includes(name)) {
      throw new TypeError(`"${name}" is no row of the benchmark: ${ROW_IDS.join(", ")} are`);
    }
  }
  const rounds = /^[1-9]\d{0,3}$/.test(values.rounds) ? Number(values.rounds) : undefined;
  if (rounds === undefined) throw new TypeError("--rounds takes a number from 1 to 9999");
  const rows = ROW_IDS.filter((id) => wanted.length === 0 || wanted.includes(id));
  return { rows, rounds, json: values.json };
}
