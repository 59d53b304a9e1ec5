/**
 * The side of a running command that acts on it: gives it its input, kills it when its time is over or its caller gone, and
 * gives up on a guest that does not let go of it.
 */
import { Code } from "@connectrpc/connect";
import { process } from "@roost/protocol/envd";
import { localCause, saidByGuest } from "../connect-transport.ts";
import { guestRefusal } from "../guest-failure.ts";
import type { GuestLimits } from "../guest-limits.ts";
import type { ExecRequest } from "./exec-types.ts";
import type { ProcessClient } from "./follow.ts";
import { feedInput } from "./input.ts";

export interface CommandParts {
  readonly client: ProcessClient;
  readonly limits: GuestLimits;
  readonly tag: string;
  readonly request: ExecRequest;
  /** The caller's. */
  readonly signal: AbortSignal;
}

type Stop = { readonly why: "time-out" } | { readonly why: "failure"; readonly error: unknown };

export class RunningCommand implements AsyncDisposable {
  readonly #parts: CommandParts;
  readonly #giveUp = new AbortController();
  readonly #inputEnd = new AbortController();
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #onAbort = (): void => this.#stop({ why: "failure", error: this.#parts.signal.reason });
  #state: "starting" | "running" | "ended" = "starting";
  #stopped: Stop | undefined;
  #killing: Promise<void> | undefined;
  #feeding: Promise<void> | undefined;

  constructor(parts: CommandParts) {
    this.#parts = parts;
    parts.signal.addEventListener("abort", this.#onAbort, { once: true });
    const { timeoutMs } = parts.request;
    if (timeoutMs > 0) this.#timers.push(setTimeout(() => this.#stop({ why: "time-out" }), timeoutMs));
  }

  /** Aborted when there is no more waiting for the guest. */
  get givenUp(): AbortSignal {
    return this.#giveUp.signal;
  }

  get timedOut(): boolean {
    return this.#stopped?.why === "time-out";
  }

  started(): void {
    // A guest may say so twice.
    if (this.#state !== "starting") return;
    this.#state = "running";
    if (this.#stopped !== undefined) this.#kill();
    const { client, tag, request } = this.#parts;
    if (request.stdin === undefined) return;
    this.#feeding = feedInput(client, tag, request.stdin, this.#inputEnd.signal).catch((error: unknown) => {
      if (this.#inputEnd.signal.aborted || stoppedReading(error)) return;
      this.#stop({ why: "failure", error: inputFailure(error) });
    });
  }

  ended(): void {
    this.#state = "ended";
  }

  /** @throws the abort's reason, or what stopped the command other than its time-out. */
  throwIfFailed(): void {
    if (this.#stopped?.why === "failure") throw this.#stopped.error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#parts.signal.removeEventListener("abort", this.#onAbort);
    for (const timer of this.#timers) clearTimeout(timer);
    this.#inputEnd.abort();
    if (this.#state === "running") this.#kill();
    await this.#feeding;
    await this.#killing;
    this.#giveUp.abort();
  }

  #stop(stop: Stop): void {
    if (this.#stopped !== undefined || this.#state === "ended") return;
    this.#stopped = stop;
    this.#timers.push(setTimeout(() => this.#giveUp.abort(), this.#parts.limits.killGraceMs));
    // One that has not started yet is killed as soon as it has.
    if (this.#state === "running") this.#kill();
  }

  #kill(): void {
    const { client, tag, limits } = this.#parts;
    const request = {
      process: { selector: { case: "tag", value: tag } },
      signal: process.Signal.SIGKILL,
    } as const;
    // That it has ended meanwhile, or that the guest does not answer, is seen by the stream of its events.
    this.#killing ??= client.sendSignal(request, { timeoutMs: limits.killGraceMs }).then(
      () => {},
      () => {},
    );
  }
}

/** The command ended, or closed its input, without reading all of it: as with a pipe in a shell, not an error. */
function stoppedReading(error: unknown): boolean {
  return saidByGuest(error) && (error.code === Code.NotFound || error.code === Code.FailedPrecondition);
}

function inputFailure(error: unknown): unknown {
  if (saidByGuest(error)) return guestRefusal(`input for the command: ${error.rawMessage}`);
  return localCause(error);
}
