/**
 * Waiting until a guest that boots answers `GET /health`.
 *
 * While a guest has no network yet, packets to it vanish, and TCP repeats them after a whole second: so an attempt is given up
 * soon and a new one made. What a *slow* guest takes to complete a handshake is not known beforehand; so each attempt may last
 * a tenth of what was waited so far, which costs at most that tenth, whatever the guest's speed.
 */
import { type ClientRequest, get } from "node:http";
import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";

const PAUSE_MS = 20;
const SHORTEST_CONNECT_MS = 50;
const LONGEST_CONNECT_MS = 1_000;
/** A guest that took the connection lives; its agent may still be a while. */
const ANSWER_MS = 5_000;

/** Resolves when the guest has answered 204. Rejects only with the reason of `signal`. */
export async function waitHealthy(target: { address: string; port: number }, signal: AbortSignal): Promise<void> {
  const started = performance.now();
  for (;;) {
    signal.throwIfAborted();
    const tenth = (performance.now() - started) / 10;
    const connectMs = Math.min(LONGEST_CONNECT_MS, Math.max(SHORTEST_CONNECT_MS, tenth));
    if (await isHealthy(target, connectMs, signal)) return;
    await pause(PAUSE_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

function isHealthy(
  target: { address: string; port: number },
  connectMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const request: ClientRequest = get({
    host: target.address,
    port: target.port,
    path: "/health",
    agent: false,
    signal,
  });
  let timer = setTimeout(() => request.destroy(), connectMs);
  request.once("socket", (socket) =>
    socket.once("connect", () => {
      clearTimeout(timer);
      timer = setTimeout(() => request.destroy(), ANSWER_MS);
    }),
  );
  request.once("response", (response) => {
    resolve(response.statusCode === 204);
    response.destroy();
  });
  // Which failure it was does not matter: the next attempt tells.
  request.once("error", () => resolve(false));
  request.once("close", () => {
    clearTimeout(timer);
    resolve(false);
  });
  return promise;
}
