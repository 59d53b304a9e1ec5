/** What an answer says: its JSON, or the error it stands for. Nothing of it is trusted to have the right form. */
import { RoostApiError, RoostConnectionError, RoostProtocolError } from "../errors.ts";

/** The JSON object or array of a good answer. */
export async function readJson<T extends object>(response: Response): Promise<T> {
  const value = parse(await response.text());
  if (typeof value === "object" && value !== null) return value as T;
  throw new RoostProtocolError(
    "The answer is not what a Roost server says. Check that the url is that of a Roost control plane.",
  );
}

/** The end of an answer that has no content, so that its connection can be used again. */
export async function readNothing(response: Response): Promise<void> {
  await response.text();
}

/** The error that an answer with a status of 400 or more stands for. */
export async function readError(response: Response, now: number): Promise<RoostApiError> {
  const { status, headers } = response;
  const requestId = headers.get("request_id") ?? headers.get("x-request-id") ?? undefined;
  const retryAfterSec = parseRetryAfter(headers.get("retry-after"), now);
  const body = parse(await response.text());
  const error = isObject(body) && isObject(body.error) ? body.error : undefined;
  if (error === undefined || typeof error.code !== "string" || typeof error.message !== "string") {
    const message = `The server answered ${status} without saying why. Check that the url is that of a Roost control plane, and any proxy before it.`;
    return new RoostApiError(message, { code: "unknown", status, requestId, retryAfterSec });
  }
  const sandboxIds = Array.isArray(error.sandbox_ids) ? error.sandbox_ids.filter((id) => typeof id === "string") : [];
  return new RoostApiError(error.message, { code: error.code, status, requestId, retryAfterSec, sandboxIds });
}

/** The sentence for a connection that failed, from the error that `fetch` or a body's reader threw. */
export function connectionError(url: URL, cause: unknown): RoostConnectionError {
  const message = `No answer from ${url.origin} (${reasonOf(cause)}). Check that Roost runs there and that the url is right.`;
  return new RoostConnectionError(message, { cause });
}

/** Node says "fetch failed", and why only in the causes. */
function reasonOf(error: unknown): string {
  let deepest = error;
  for (let depth = 0; depth < 5 && deepest instanceof Error && deepest.cause instanceof Error; depth += 1) {
    deepest = deepest.cause;
  }
  if (!(deepest instanceof Error)) return String(deepest);
  if (deepest.message !== "") return deepest.message;
  // What Node throws when every address of a name refused has no message, only a code.
  return "code" in deepest ? String(deepest.code) : deepest.name;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Seconds, from either of the two forms HTTP has for it. */
function parseRetryAfter(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  if (/^\d+$/.test(header)) return Number(header);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, (date - now) / 1000);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
