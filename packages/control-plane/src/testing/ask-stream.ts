/** What a stream that is refused says: its close code as the status that a request would have got. */
import { once } from "node:events";
import { WebSocket } from "ws";
import type { Credentials } from "./api.ts";

/** Opens a WebSocket with these headers, and waits for its end. */
export async function askStream(
  url: string,
  path: string,
  { key, session, host }: Credentials,
): Promise<{ status: number; body: unknown }> {
  const headers = {
    ...(key === undefined ? {} : { "X-API-Key": key }),
    ...(session === undefined ? {} : { Authorization: `Bearer ${session}` }),
    ...(host === undefined ? {} : { "X-Host-Token": host }),
  };
  const socket = new WebSocket(url.replace(/^http/, "ws") + path, { headers });
  const [code, reason] = (await once(socket, "close", { signal: AbortSignal.timeout(60_000) })) as [number, Buffer];
  return { status: code >= 4400 && code < 4500 ? code - 4000 : code, body: reason.toString() };
}
