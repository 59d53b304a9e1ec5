/**
 * Choosing a host for a new sandbox: hard limits first, then a strategy. The chosen host has the last word: it may refuse
 * (`no_capacity`), and the next in order is asked.
 */

/** A host that may take the team's sandboxes, with what is left of it. */
export interface Candidate {
  readonly id: string;
  readonly address: string;
  /** Of the whole machine. */
  readonly memoryMb: number;
  /** What the sandboxes placed there have not taken. */
  readonly freeMemoryMb: number;
  /** As its last heartbeat had it; null before the first. */
  readonly freeDiskMb: number | null;
}

export interface Needs {
  readonly memoryMb: number;
}

/** A strategy: puts hosts that all have room into the order in which they are asked. Called once per new sandbox. */
export interface Placement {
  readonly name: string;
  order(fitting: readonly Candidate[]): readonly Candidate[];
}

/** Below this a host could not even keep a sandbox's first changes. */
const LEAST_DISK_MB = 512;

export interface Fit {
  readonly fitting: readonly Candidate[];
  /** One sentence that says what was missing, when nothing fits. */
  readonly missing: string | undefined;
}

/** The hosts that have room. */
export function fit(candidates: readonly Candidate[], needs: Needs): Fit {
  if (candidates.length === 0) return { fitting: [], missing: "No host is online." };
  const withMemory = candidates.filter((host) => host.freeMemoryMb >= needs.memoryMb);
  if (withMemory.length === 0) {
    const most = Math.max(...candidates.map((host) => host.freeMemoryMb));
    const missing = `No host has ${needs.memoryMb} MiB of memory free; the most that one has is ${Math.max(0, most)} MiB.`;
    return { fitting: [], missing };
  }
  const fitting = withMemory.filter((host) => host.freeDiskMb === null || host.freeDiskMb >= LEAST_DISK_MB);
  return {
    fitting,
    missing: fitting.length === 0 ? `No host with enough memory has ${LEAST_DISK_MB} MiB of disk free.` : undefined,
  };
}
