import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import type { Instance } from "@roost/launcher/instance";

/** The processes of a running sandbox, as its keeper tells them (`docs/formats/keeper.md`). */
export async function keeperOf(instance: Instance, sandboxId: string): Promise<{ keeper: number; vmm: number }> {
  const socket = connect(join(instance.runFolder, instance.mark, sandboxId, "keeper.sock"));
  try {
    socket.write('{"op":"status"}\n');
    const [line] = (await once(socket, "data")) as [Buffer];
    const status = JSON.parse(line.toString()) as { keeper_pid: number; vmm_pid: number };
    return { keeper: status.keeper_pid, vmm: status.vmm_pid };
  } finally {
    socket.destroy();
  }
}
