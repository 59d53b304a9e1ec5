/** What a stream that is refused says: its close code as the status that a request would have got. */
import { once } from "node:events";

/** Opens a WebSocket with a key or a session, and waits for its end. */
export async function askStream(
  url: string,
  path: string,
  token: string | undefined,
): Promise<{ status: number; body: unknown }> {
  const protocols = ["roost.v1", ...(token === undefined ? [] : [`roost.auth.${token}`])];
  const socket = new WebSocket(url.replace(/^http/, "ws") + path, protocols);
  const [event] = (await once(socket, "close", { signal: AbortSignal.timeout(60_000) })) as [CloseEvent];
  const status = event.code >= 4400 && event.code < 4500 ? event.code - 4000 : event.code;
  return { status, body: event.reason };
}
