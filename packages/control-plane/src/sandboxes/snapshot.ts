/** Making a snapshot of a sandbox on its host. The sandbox stays: paused, or running if that is wanted. */
import { RoostError } from "@roost/protocol/errors";
import { Leave } from "@roost/protocol/hostagent";
import type { SandboxRow } from "../db/tables.ts";
import { notRunning, requireSandbox } from "./host-of.ts";
import type { SandboxParts } from "./parts.ts";
import { requireNoOtherStep } from "./pause.ts";
import { STEP_TIMEOUT_MS, takeStep } from "./step.ts";

/** What the sandbox is to be afterwards. */
export type LeaveAs = "paused" | "running";

export interface WantedSnapshot {
  /** Chosen by the caller: asked again for the same, the host answers the same. */
  readonly id: string;
  readonly leave: LeaveAs;
}

export interface MadeSnapshot {
  readonly hostId: string;
  readonly vcpus: number;
  readonly memoryMb: number;
  /** What its files really hold on the disk. */
  readonly sizeBytes: number;
}

const LEAVE: Readonly<Record<LeaveAs, Leave>> = { paused: Leave.PAUSED, running: Leave.RUNNING };

/**
 * @throws RoostError `not_found`, `not_running` (neither running nor paused), `conflict`, `disk_full`, `no_capacity`,
 * `host_unavailable`, `host_failed`: then its host may have the snapshot all the same, and is to be told to forget it.
 */
export async function snapshotSandbox(
  parts: SandboxParts,
  teamId: string,
  id: string,
  wanted: WantedSnapshot,
): Promise<MadeSnapshot> {
  const before = await requireSandbox(parts, teamId, id);
  requireNoOtherStep(before);
  const { status, host_id: hostId } = before;
  if ((status !== "running" && status !== "paused") || hostId === null) throw notRunning(before);
  const request = { sandboxId: id, snapshotId: wanted.id, leave: LEAVE[wanted.leave] };
  const outcome = await takeStep(parts, before, {
    status: statusDuring(before, wanted.leave),
    call: (client) => client.createSnapshot(request, { timeoutMs: STEP_TIMEOUT_MS }),
  });
  if (outcome.failure) throw outcome.failure;
  const { snapshot } = outcome.answer;
  if (!snapshot) throw new RoostError("host_failed", "The host made a snapshot and did not describe it.");
  const { vcpus, memoryMb, sizeBytes } = snapshot;
  return { hostId, vcpus, memoryMb, sizeBytes: Number(sizeBytes) };
}

function statusDuring(before: SandboxRow, leave: LeaveAs) {
  if (before.status === "running") return "pausing";
  return leave === "running" ? "resuming" : undefined;
}
