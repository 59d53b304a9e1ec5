/**
 * The three requests a host makes of its control plane (`POST /v1/hosts/register`, `…/auth/refresh`, `…/{id}/heartbeat`). Each is
 * bounded in size and time; no redirect is followed.
 */
import { Type } from "typebox";
import { Value } from "typebox/value";
import { Agent } from "undici";
import { quoteForeignWords } from "../foreign-words/foreign-words.ts";

const ANSWER_MS = 10_000;
const ANSWER_BYTES = 256 * 1024;

const ErrorSchema = Type.Object({ error: Type.Object({ code: Type.String(), message: Type.String() }) });

/** No answer came, or none that says anything: ask again later. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
}

export interface Answer {
  readonly status: number;
  /** Parsed; `undefined` when there is none. */
  readonly body: unknown;
}

export class ControlPlaneClient implements AsyncDisposable {
  readonly #base: URL;
  readonly #agent = new Agent({
    connect: { timeout: ANSWER_MS },
    headersTimeout: ANSWER_MS,
    bodyTimeout: ANSWER_MS,
    allowH2: false,
  });

  constructor(url: URL) {
    this.#base = url;
  }

  /** @param path below `/v1/`. @throws NoAnswer, or the signal's reason. */
  async post(
    path: string,
    body: object,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Answer> {
    const limit = AbortSignal.timeout(ANSWER_MS);
    try {
      const answer = await this.#agent.request({
        origin: this.#base.origin,
        path: `${this.#base.pathname.replace(/\/$/, "")}/v1/${path}`,
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
        body: JSON.stringify(body),
        signal: AbortSignal.any([signal, limit]),
      });
      const text = await readBounded(answer.body);
      if (answer.statusCode >= 500)
        throw new NoAnswer(describeRefusal({ status: answer.statusCode, body: json(text) }));
      return { status: answer.statusCode, body: json(text) };
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof NoAnswer) throw error;
      throw new NoAnswer(limit.aborted ? "it did not answer in time" : reason(error), { cause: error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy();
  }
}

/** A refusal in one line: its status, and what the control plane says about it. */
export function describeRefusal({ status, body }: Answer): string {
  if (!Value.Check(ErrorSchema, body)) return `HTTP status ${status}`;
  return quoteForeignWords(`${body.error.code}: ${body.error.message}`);
}

async function readBounded(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > ANSWER_BYTES) throw new NoAnswer(`its answer is larger than ${ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size).toString("utf8");
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function reason(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "the connection failed";
}
