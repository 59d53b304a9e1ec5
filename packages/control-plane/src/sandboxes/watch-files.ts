/** A folder of a sandbox that is watched. */
import { RoostError } from "@roost/protocol/errors";
import type { WatchFilesResponse } from "@roost/protocol/hostagent";
import { asHostError, type HostAgentClient } from "../hosts/hosts.ts";
import { targetOf } from "./file-tree.ts";
import type { FilePlace } from "./files.ts";

/**
 * Its first message says that nothing is missed from now on. Ends only with the signal.
 * @throws RoostError `not_found` (also: no such folder), `not_running`, `sandbox_paused`, `invalid_request`, `host_unavailable`, …
 */
export async function* watchFiles(
  client: HostAgentClient,
  id: string,
  place: FilePlace,
  recursive: boolean,
  signal: AbortSignal,
): AsyncGenerator<WatchFilesResponse> {
  const over = new AbortController();
  try {
    const request = { target: targetOf(id, place), recursive };
    yield* client.watchFiles(request, { signal: AbortSignal.any([signal, over.signal]) });
    throw new RoostError("host_failed", "The host stopped watching.");
  } catch (error) {
    throw asHostError(error);
  } finally {
    over.abort();
  }
}
