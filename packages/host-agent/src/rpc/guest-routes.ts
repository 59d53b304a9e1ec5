/** The methods of `HostAgent` that lead straight into a running guest: commands one follows, processes, the files' tree. */
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import { type FileTarget, HostAgent } from "@roost/protocol/hostagent";
import { execStream } from "./exec-stream.ts";
import { entryMessage, watchMessage } from "./file-entries.ts";
import type { GuestUse, HostSandboxes } from "./host-sandboxes.ts";
import { MESSAGE_LIMITS } from "./message-limits.ts";
import { processName, signalNumber } from "./opening.ts";
import { type CheckedTarget, fileTarget, sandboxId } from "./validation.ts";

/** @param stopping aborted when the agent stops: streams that may last for days end at once. */
export function guestRoutes(
  sandboxes: Pick<HostSandboxes, "guest">,
  stopping: AbortSignal,
): (router: ConnectRouter) => void {
  const rpc = HostAgent.method;
  /** Does something in a guest, for as long as both the caller and the guest are there. */
  const inGuest = async <T>(
    id: string,
    { signal }: HandlerContext,
    use: (envd: GuestUse["envd"], signal: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    using guest = sandboxes.guest(id);
    return await use(guest.envd, AbortSignal.any([signal, guest.taken]));
  };
  const atFile = <T>(
    target: FileTarget | undefined,
    context: HandlerContext,
    use: (tree: GuestUse["envd"]["tree"], place: CheckedTarget, signal: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    const place = fileTarget(target);
    return inGuest(place.id, context, (envd, signal) => use(envd.tree, place, signal));
  };
  return (router) => {
    router.rpc(
      rpc.execStream,
      (requests, { signal }) => execStream(sandboxes, requests, AbortSignal.any([signal, stopping])),
      MESSAGE_LIMITS.piece,
    );
    router.rpc(
      rpc.listProcesses,
      (request, context) =>
        inGuest(sandboxId(request.sandboxId), context, async (envd, signal) => ({
          processes: (await envd.listProcesses(signal)).map((process) => ({ ...process, args: [...process.args] })),
        })),
      MESSAGE_LIMITS.small,
    );
    router.rpc(
      rpc.signalProcess,
      (request, context) => {
        const [name, number] = [processName(request.process), signalNumber(request.signal)];
        return inGuest(sandboxId(request.sandboxId), context, async (envd, signal) => {
          await envd.signalProcess(name, number, signal);
          return {};
        });
      },
      MESSAGE_LIMITS.small,
    );
    router.rpc(
      rpc.listFiles,
      ({ target, depth }, context) =>
        atFile(target, context, async (tree, place, signal) => ({
          entries: (await tree.list(place, depth, signal)).map(entryMessage),
        })),
      MESSAGE_LIMITS.small,
    );
    router.rpc(
      rpc.statFile,
      ({ target }, context) =>
        atFile(target, context, async (tree, place, signal) => ({
          entry: entryMessage(await tree.stat(place, signal)),
        })),
      MESSAGE_LIMITS.small,
    );
    router.rpc(
      rpc.makeDirectory,
      ({ target }, context) =>
        atFile(target, context, async (tree, place, signal) => ({
          entry: entryMessage(await tree.makeDirectory(place, signal)),
        })),
      MESSAGE_LIMITS.small,
    );
    router.rpc(
      rpc.removeFile,
      ({ target }, context) =>
        atFile(target, context, async (tree, place, signal) => {
          await tree.remove(place, signal);
          return {};
        }),
      MESSAGE_LIMITS.small,
    );
    router.rpc(
      rpc.moveFile,
      ({ target, destination }, context) =>
        atFile(target, context, async (tree, place, signal) => ({
          entry: entryMessage(await tree.move(place, destination, signal)),
        })),
      MESSAGE_LIMITS.small,
    );
    router.rpc(
      rpc.watchFiles,
      async function* ({ target, recursive }, { signal }) {
        const place = fileTarget(target);
        using guest = sandboxes.guest(place.id);
        const ends = AbortSignal.any([signal, stopping, guest.taken]);
        for await (const event of guest.envd.watchFiles(place, recursive, ends)) yield watchMessage(event);
      },
      MESSAGE_LIMITS.small,
    );
  };
}
