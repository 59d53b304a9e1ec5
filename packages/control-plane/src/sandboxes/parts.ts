/** What the operations on sandboxes are built from; made in main.ts, replaced piece by piece in tests. */

import type { Database } from "../db/database.ts";
import type { HostAgentClient, HostTarget } from "../hosts/hosts.ts";
import type { SandboxRows } from "./lifecycle.ts";
import type { Placement } from "./placement/placement.ts";
import type { StepsInFlight } from "./steps-in-flight.ts";

/** Work that goes on after its request was answered; ended in order when the server stops. */
export interface Background {
  run(what: string, work: () => Promise<void>): void;
}

/** Says what went wrong where nobody waits for an answer. */
export interface Log {
  warn(facts: object, message: string): void;
}

export interface SandboxParts {
  readonly db: Database;
  readonly rows: SandboxRows;
  readonly clients: { get(host: HostTarget): Promise<HostAgentClient> };
  readonly placement: Placement;
  readonly inFlight: StepsInFlight;
  readonly background: Background;
  readonly log: Log;
  readonly createTimeoutMs: number;
  readonly execOutputBytes: number;
  readonly fileBytes: number;
}
