/** The methods of `HostAgent`, each no more than: check, call, answer. Errors pass through to `error-reports.ts`. */
import type { ConnectRouter } from "@connectrpc/connect";
import { HostAgent } from "@roost/protocol/hostagent";
import { readWholeFile, streamFile, uploadChunks, wholeUpload } from "./files.ts";
import type { HostSandboxes } from "./host-sandboxes.ts";
import { MESSAGE_LIMITS } from "./message-limits.ts";
import { sandboxStatus, snapshotMessage } from "./sandbox-status.ts";
import { execRequest, fileTarget, leave, resumeMode, sandboxId, sandboxSpec, snapshotId } from "./validation.ts";

/** Most that a log is read of; what is kept of it is no more. */
const LOG_LIMIT_BYTES = 1024 * 1024;

const { small: SMALL, piece: PIECE, whole: WHOLE } = MESSAGE_LIMITS;

export function hostAgentRoutes(sandboxes: HostSandboxes): (router: ConnectRouter) => void {
  const rpc = HostAgent.method;
  return (router) => {
    router.rpc(
      rpc.createSandbox,
      async (request, { signal }) => ({
        sandbox: sandboxStatus(await sandboxes.create(sandboxSpec(request), signal)),
      }),
      SMALL,
    );
    router.rpc(
      rpc.destroySandbox,
      async (request) => {
        await sandboxes.destroy(sandboxId(request.sandboxId));
        return {};
      },
      SMALL,
    );
    router.rpc(
      rpc.pauseSandbox,
      async (request) => ({ sandbox: sandboxStatus(await sandboxes.pause(sandboxId(request.sandboxId))) }),
      SMALL,
    );
    router.rpc(
      rpc.resumeSandbox,
      async (request, { signal }) => {
        const id = sandboxId(request.sandboxId);
        return { sandbox: sandboxStatus(await sandboxes.resume(id, resumeMode(request.mode), signal)) };
      },
      SMALL,
    );
    router.rpc(
      rpc.pingSandbox,
      (request) => {
        sandboxes.ping(sandboxId(request.sandboxId));
        return {};
      },
      SMALL,
    );
    router.rpc(
      rpc.createSnapshot,
      async (request, { signal }) => {
        const [id, kept] = [sandboxId(request.sandboxId), snapshotId(request.snapshotId)];
        const { snapshot, sandbox } = await sandboxes.snapshot(id, kept, leave(request.leave), signal);
        return { snapshot: snapshotMessage(snapshot), sandbox: sandboxStatus(sandbox) };
      },
      SMALL,
    );
    router.rpc(
      rpc.deleteSnapshot,
      async (request) => {
        await sandboxes.deleteSnapshot(snapshotId(request.snapshotId));
        return {};
      },
      SMALL,
    );
    router.rpc(
      rpc.listSnapshots,
      async () => ({ snapshots: (await sandboxes.listSnapshots()).map(snapshotMessage) }),
      SMALL,
    );
    router.rpc(rpc.listSandboxes, () => ({ sandboxes: sandboxes.list().map(sandboxStatus) }), SMALL);
    router.rpc(
      rpc.readLogs,
      async (request) => {
        const limit = Math.min(request.limitBytes || LOG_LIMIT_BYTES, LOG_LIMIT_BYTES);
        return await sandboxes.logs(sandboxId(request.sandboxId), limit);
      },
      SMALL,
    );
    router.rpc(
      rpc.exec,
      async (request, { signal }) => {
        const result = await sandboxes.exec(sandboxId(request.sandboxId), execRequest(request), signal);
        const { exitCode, ...rest } = result;
        return exitCode === null ? rest : { ...rest, exitCode };
      },
      WHOLE,
    );
    router.rpc(
      rpc.writeFile,
      async (request, { signal }) => {
        const { id, path, user } = fileTarget(request.target);
        const size = await sandboxes.writeFile(id, path, user, wholeUpload(request.data), signal);
        return { sizeBytes: BigInt(size) };
      },
      WHOLE,
    );
    router.rpc(
      rpc.readFile,
      async (request, { signal }) => {
        const { id, path, user } = fileTarget(request.target);
        return { data: await readWholeFile(sandboxes, id, path, user, signal) };
      },
      SMALL,
    );
    router.rpc(
      rpc.streamWriteFile,
      async (requests, { signal }) => {
        const upload = await uploadChunks(requests);
        const { id, path, user } = fileTarget(upload.target);
        const size = await sandboxes.writeFile(id, path, user, upload.chunks, signal);
        return { sizeBytes: BigInt(size) };
      },
      PIECE,
    );
    router.rpc(
      rpc.streamReadFile,
      (request, { signal }) => {
        const { id, path, user } = fileTarget(request.target);
        return streamFile(sandboxes, id, path, user, signal);
      },
      SMALL,
    );
  };
}
