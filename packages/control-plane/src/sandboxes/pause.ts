/** Pausing: the sandbox goes to its host's disk, and its host's memory is free for others. */
import { RoostError } from "@roost/protocol/errors";
import type { SandboxRow } from "../db/tables.ts";
import { notRunning, requireSandbox } from "./host-of.ts";
import type { SandboxParts } from "./parts.ts";
import { STEP_TIMEOUT_MS, takeStep } from "./step.ts";

/**
 * Answers when it is paused.
 * @throws RoostError `not_found`, `not_running`, `conflict` (another step, or destroyed meanwhile), `disk_full`,
 * `host_unavailable`, `host_failed`: then it runs on, or is in `error`.
 */
export async function pauseSandbox(parts: SandboxParts, teamId: string, id: string): Promise<SandboxRow> {
  const before = await requireSandbox(parts, teamId, id);
  requireNoOtherStep(before);
  if (before.status !== "running") throw notRunning(before);
  const outcome = await takeStep(parts, before, {
    status: "pausing",
    call: (client) => client.pauseSandbox({ sandboxId: id }, { timeoutMs: STEP_TIMEOUT_MS }),
  });
  // Also when only the answer was lost.
  if (outcome.row.status === "paused") return outcome.row;
  throw outcome.failure ?? new RoostError("host_failed", "The host answered that it is paused, and it is not.");
}

/** @throws RoostError `conflict` while a step is being taken. */
export function requireNoOtherStep(row: SandboxRow): void {
  if (row.status !== "pausing" && row.status !== "resuming") return;
  throw new RoostError("conflict", `The sandbox is ${row.status} already; ask again when that has ended.`);
}
