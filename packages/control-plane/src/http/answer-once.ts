/** Carries out a POST at most once per `Idempotency-Key`. */
import { randomBytes } from "node:crypto";
import { ERROR_CODES, type ErrorCode, RoostError } from "@roost/protocol/errors";
import { type Kind, newId } from "@roost/protocol/ids";
import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import type { IdempotencyKeys } from "../idempotency/idempotency.ts";
import { teamOf } from "./access.ts";
import { noteRepeated } from "./audit.ts";
import { errorAnswer } from "./errors.ts";

export const IdempotencyHeader = {
  "idempotency-key": Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      pattern: "^[\\x21-\\x7e]+$",
      description: "The same key and body within 24 hours gives the first answer again.",
    }),
  ),
};

export interface Once<T> {
  readonly kind: Kind;
  /** Makes the thing under this id. */
  make(id: string): Promise<T>;
  /** What there is of the thing when its first request gave no answer: the thing, nothing, or work going on. */
  find(id: string): Promise<{ readonly made: T } | "nothing" | "under-way">;
}

/** After this a request that has made nothing yet certainly never will: its process died. */
const ABANDONED_AFTER_MS = 60_000;

export async function answerOnce<T>(
  request: FastifyRequest<{ Headers: { "idempotency-key"?: string } }>,
  keys: IdempotencyKeys,
  once: Once<T>,
): Promise<T> {
  const key = request.headers["idempotency-key"];
  const newSubject = () => newId(once.kind, randomBytes);
  if (key === undefined) return once.make(newSubject());
  const teamId = teamOf(request);
  const route = `${request.method} ${request.routeOptions.url}`;
  const beginning = await keys.begin({ teamId, key, route, body: [request.body, request.query] }, newSubject);
  if (beginning.kind === "answered") {
    noteRepeated(request);
    return replay<T>(beginning.answer);
  }
  const { subjectId } = beginning;
  if (beginning.kind === "unanswered") {
    const found = await once.find(subjectId);
    if (typeof found === "object") {
      noteRepeated(request);
      return found.made;
    }
    const abandoned = found === "nothing" && (await keys.takeOver(teamId, key, ABANDONED_AFTER_MS));
    if (!abandoned) throw new RoostError("conflict", "The first request with this Idempotency-Key is still under way.");
  }
  return makeAndKeep(request, keys, { teamId, key, make: () => once.make(subjectId) });
}

/** The answer as it was kept: an error is thrown again, so that all errors leave by one door. */
function replay<T>(answer: { readonly status: number; readonly body: unknown }): T {
  if (answer.status < 400) return answer.body as T;
  const { error } = answer.body as { error: { code: ErrorCode; message: string } };
  throw new RoostError(error.code, error.message);
}

interface Making<T> {
  readonly teamId: string;
  readonly key: string;
  readonly make: () => Promise<T>;
}

async function makeAndKeep<T>(request: FastifyRequest, keys: IdempotencyKeys, making: Making<T>): Promise<T> {
  const { teamId, key, make } = making;
  let made: T;
  try {
    made = await make();
  } catch (error) {
    const isFinal = error instanceof RoostError && ERROR_CODES[error.code].http < 500;
    const ended = isFinal ? keys.finish(teamId, key, errorAnswer(error)) : keys.forget(teamId, key);
    // The caller is to hear of the first failure. A key that stays unanswered is taken over later.
    await ended.catch((err: unknown) => request.log.warn({ err }, "an idempotency key could not be ended"));
    throw error;
  }
  // Should this fail, the key stays unanswered, and the next request with it finds the thing by its id.
  await keys.finish(teamId, key, { status: 201, body: made });
  return made;
}
