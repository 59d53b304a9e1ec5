/** A sandbox, and a snapshot, as they go over the wire. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { SandboxState, type SandboxStatusSchema, type SnapshotSchema } from "@roost/protocol/hostagent";
import type { SandboxInfo, SnapshotInfo } from "./host-sandboxes.ts";

const STATES: Readonly<Record<SandboxInfo["state"], SandboxState>> = {
  starting: SandboxState.STARTING,
  running: SandboxState.RUNNING,
  pausing: SandboxState.PAUSING,
  paused: SandboxState.PAUSED,
  resuming: SandboxState.RESUMING,
  stopping: SandboxState.STOPPING,
  error: SandboxState.ERROR,
};

export function sandboxStatus(info: SandboxInfo): MessageInitShape<typeof SandboxStatusSchema> {
  return {
    sandboxId: info.id,
    state: STATES[info.state],
    reason: info.reason ?? "",
    vcpus: info.vcpus,
    memoryMb: info.memoryMb,
    template: info.template,
    guestIp: info.guestIp ?? "",
    createdAt: timestampFromDate(info.createdAt),
    ...(info.startedAt === undefined ? {} : { startedAt: timestampFromDate(info.startedAt) }),
    ...(info.lastActiveAt === undefined ? {} : { lastActiveAt: timestampFromDate(info.lastActiveAt) }),
  };
}

export function snapshotMessage(snapshot: SnapshotInfo): MessageInitShape<typeof SnapshotSchema> {
  const { id, vcpus, memoryMb, sizeBytes, createdAt } = snapshot;
  return {
    snapshotId: id,
    vcpus,
    memoryMb,
    sizeBytes: BigInt(sizeBytes),
    createdAt: timestampFromDate(createdAt),
  };
}
