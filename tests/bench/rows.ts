/** The rows of the table: what is measured, against which floor, and what was promised. docs/bench.md explains each. */

export interface Row {
  readonly id: RowId;
  readonly title: string;
  readonly unit: "ms" | "µs" | "MiB";
  /** What the second column is. */
  readonly floor: string;
  /** Roost's median over the floor's is to be no more than this; undefined: nothing was promised. */
  readonly target: number | undefined;
  /** How phases of it are called: as the agent's log does, and what is by hand. */
  readonly operations: readonly string[];
}

export const ROW_IDS = [
  "boot",
  "create",
  "resume",
  "pause",
  "resume-used",
  "pause-used",
  "clones",
  "clone-memory",
  "fault",
  "push",
  "exec",
] as const;
export type RowId = (typeof ROW_IDS)[number];

/** What the steps of machines by hand are called among the agent's operations. */
export const BY_HAND = "by hand";
const CREATING = ["create", BY_HAND];
const RESUMING = ["resume", BY_HAND];
const PAUSING = ["pause", "free paused", BY_HAND];

export const ROWS: Readonly<Record<RowId, Row>> = {
  boot: row("boot", "cold boot → first exec", "ms", "by hand", undefined, CREATING),
  create: row("create", "create from a warm base → first exec", "ms", "by hand", 1.3, CREATING),
  resume: row("resume", "resume → first exec", "ms", "by hand", 1.3, RESUMING),
  pause: row("pause", "pause", "ms", "by hand", 1.3, PAUSING),
  "resume-used": row("resume-used", "resume after 128 MiB were used → first exec", "ms", "by hand", 1.3, RESUMING),
  "pause-used": row("pause-used", "pause after 128 MiB were written", "ms", "by hand", 1.3, PAUSING),
  clones: row("clones", "8 clones at once → first execs", "ms", "8 by hand at once", 1.2, CREATING),
  "clone-memory": row("clone-memory", "guest memory of 8 idle clones", "MiB", "of one", 2, []),
  fault: row("fault", "page server: a fault", "µs", "minimal loop", 1.2, []),
  push: row("push", "page server: push of 256 MiB", "ms", "plain UFFDIO_COPY", 1.25, []),
  exec: row("exec", "exec round trip", "ms", "straight to envd", undefined, []),
};

function row(
  id: RowId,
  title: string,
  unit: Row["unit"],
  floor: string,
  target: number | undefined,
  operations: readonly string[],
): Row {
  return { id, title, unit, floor, target, operations };
}
