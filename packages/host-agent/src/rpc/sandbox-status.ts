/** A sandbox as it goes over the wire. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { SandboxState, type SandboxStatusSchema } from "@roost/protocol/hostagent";
import type { SandboxInfo } from "./host-sandboxes.ts";

const STATES: Readonly<Record<SandboxInfo["state"], SandboxState>> = {
  starting: SandboxState.STARTING,
  running: SandboxState.RUNNING,
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
  };
}
