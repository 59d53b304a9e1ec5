/** One sandbox as `Sandboxes` keeps it. */
import type { Activity } from "./activity.ts";
import { GuestUses } from "./guest-uses.ts";
import type { SpecRecord } from "./records.ts";
import type { RunningSandbox, SandboxInfo, SandboxState } from "./sandbox.ts";

export interface Entry {
  readonly id: string;
  readonly template: string;
  readonly createdAt: Date;
  vcpus: number;
  memoryMb: number;
  timeoutSec: number;
  state: SandboxState;
  reason?: string | undefined;
  running?: RunningSandbox | undefined;
  /** While it runs. */
  activity?: Activity | undefined;
  readonly uses: GuestUses;
  lastActiveAt?: Date | undefined;
  /** Settles when its guest has heard what time it is; never rejects. */
  timeTold?: Promise<void> | undefined;
  /** The operation that changes it now; settles when that has ended, and never rejects. */
  busy?: Promise<void> | undefined;
  /** Cancels the operation under way, where that is safe. */
  cancel: AbortController;
}

/** What is not known of one whose spec a power cut took, the control plane knows too. */
export function entryOf(
  id: string,
  spec: Partial<SpecRecord>,
  createdAt: Date,
  state: SandboxState,
  reason?: string,
): Entry {
  return {
    id,
    template: spec.template ?? "",
    vcpus: spec.vcpus ?? 0,
    memoryMb: spec.memory_mb ?? 0,
    timeoutSec: spec.timeout_sec ?? 0,
    createdAt,
    state,
    reason,
    uses: new GuestUses(),
    cancel: new AbortController(),
  };
}

export function describe(entry: Entry): SandboxInfo {
  const { id, state, vcpus, memoryMb, template, createdAt, reason, running, activity } = entry;
  const lastActiveAt = activity?.lastActive ?? entry.lastActiveAt;
  return {
    id,
    state,
    vcpus,
    memoryMb,
    template,
    createdAt,
    ...(reason === undefined ? {} : { reason }),
    ...(running ? { guestIp: running.slot.address, startedAt: running.startedAt } : {}),
    ...(lastActiveAt ? { lastActiveAt } : {}),
  };
}
