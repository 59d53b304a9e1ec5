import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import type { Instance } from "@roost/launcher/instance";

export interface KeeperPids {
  readonly keeper: number;
  readonly vmm: number;
}

/** The processes of a running sandbox, as its keeper tells them (`docs/formats/keeper.md`). */
export function keeperOf(instance: Instance, sandboxId: string): Promise<KeeperPids> {
  return keeperAt(join(instance.runFolder, instance.mark), sandboxId);
}

/** @param runFolder a host's own: `$ROOST_RUN/<mark>` */
export async function keeperAt(runFolder: string, sandboxId: string): Promise<KeeperPids> {
  const socket = connect(join(runFolder, sandboxId, "keeper.sock"));
  try {
    socket.write('{"op":"status"}\n');
    const [line] = (await once(socket, "data")) as [Buffer];
    const status = JSON.parse(line.toString()) as { keeper_pid: number; vmm_pid: number };
    return { keeper: status.keeper_pid, vmm: status.vmm_pid };
  } finally {
    socket.destroy();
  }
}
