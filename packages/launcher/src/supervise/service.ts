/**
 * One supervised process, over all its lives.
 *
 *     starting → ready → (ends) → waiting → starting → …          until `stop`
 *                  └→ stopping → stopped
 *
 * A life that ends, for whatever reason, is followed by another after a back-off. Whoever waits for the first readiness is told
 * when the process has died thrice without reaching it: a wrong setting does not heal by trying.
 */
import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { LauncherFailure, sentenceOf } from "../failure.ts";
import type { BackOff } from "./back-off.ts";

export interface ServiceSpec {
  readonly name: string;
  /** Starts one life; may prepare first. */
  start(signal: AbortSignal): Promise<ChildProcess>;
  /** Resolves once it serves; `signal` is aborted when the life has ended. */
  ready(signal: AbortSignal): Promise<void>;
  /** What asks it to end; SIGKILL follows when it has not within `stopPatienceMs`. */
  readonly stopSignal: NodeJS.Signals;
  readonly stopPatienceMs: number;
}

export type ServiceEvent =
  | { readonly kind: "started"; readonly pid: number }
  | { readonly kind: "ready"; readonly elapsedMs: number }
  | { readonly kind: "ended"; readonly how: string; readonly waitMs: number }
  | { readonly kind: "stopping" | "stopped" }
  | { readonly kind: "killed"; readonly patienceMs: number }
  | { readonly kind: "said"; readonly line: string };

export interface ServiceOptions {
  readonly onEvent: (event: ServiceEvent) => void;
  readonly backOff: BackOff;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

const LIVES_TO_FIRST_READINESS = 3;
const REMEMBERED_LINES = 15;

export class Service implements AsyncDisposable {
  readonly name: string;
  readonly #spec: ServiceSpec;
  readonly #options: ServiceOptions;
  readonly #stopping = new AbortController();
  readonly #firstReady = Promise.withResolvers<void>();
  readonly #lastLines: string[] = [];
  readonly #lives: Promise<void>;
  #child: ChildProcess | undefined;
  #wasReady = false;

  constructor(spec: ServiceSpec, options: ServiceOptions) {
    this.name = spec.name;
    this.#spec = spec;
    this.#options = options;
    this.#firstReady.promise.catch(() => {});
    this.#lives = this.#live();
  }

  /** Resolves at the first readiness; rejects when that is given up, or after `stop`. */
  get firstReady(): Promise<void> {
    return this.#firstReady.promise;
  }

  /** The process of the present life, if there is one. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Ends the present life; another follows. */
  kill(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Ends the present life, gently first; no other follows. */
  async stop(): Promise<void> {
    this.#stopping.abort(new LauncherFailure(`${this.name} was stopped`));
    await this.#lives;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #live(): Promise<void> {
    const { onEvent, backOff, now } = this.#options;
    const stopping = this.#stopping.signal;
    for (let life = 1; !stopping.aborted; life++) {
      const startedAt = now();
      const how = await this.#oneLife().catch((error: unknown) => `could not be started: ${sentenceOf(error)}`);
      if (stopping.aborted) break;
      if (!this.#wasReady && life >= LIVES_TO_FIRST_READINESS) this.#giveUpOnReadiness(how);
      const waitMs = backOff.next(now() - startedAt);
      onEvent({ kind: "ended", how, waitMs });
      await sleep(waitMs, undefined, { signal: stopping }).catch(() => {});
    }
    this.#firstReady.reject(stopping.reason);
    onEvent({ kind: "stopped" });
  }

  /** Starts the process and waits for its end; says how it ended. */
  async #oneLife(): Promise<string> {
    const { onEvent, now } = this.#options;
    const startedAt = now();
    const child = await this.#spec.start(this.#stopping.signal);
    const ended = endOf(child);
    this.#child = child;
    const life = new AbortController();
    try {
      const { pid } = child;
      if (pid === undefined) return await ended;
      onEvent({ kind: "started", pid });
      this.#listen(child.stdout);
      this.#listen(child.stderr);
      const readiness = this.#spec.ready(life.signal).then(
        () => {
          onEvent({ kind: "ready", elapsedMs: now() - startedAt });
          this.#wasReady = true;
          this.#firstReady.resolve();
        },
        (error: unknown) => {
          // What cannot become ready is ended like what died: its end tells why, and the next life may fare better.
          if (life.signal.aborted) return;
          this.#heard(sentenceOf(error));
          child.kill(this.#spec.stopSignal);
        },
      );
      await using _ = this.#stopWhenAsked(child, ended);
      const how = await ended;
      life.abort(new LauncherFailure(`${this.name} ${how}`));
      await readiness;
      return how;
    } finally {
      life.abort();
      this.#child = undefined;
    }
  }

  #stopWhenAsked(child: ChildProcess, ended: Promise<string>): AsyncDisposable {
    const { onEvent } = this.#options;
    const { stopSignal, stopPatienceMs } = this.#spec;
    let killing: NodeJS.Timeout | undefined;
    const stop = () => {
      onEvent({ kind: "stopping" });
      child.kill(stopSignal);
      killing = setTimeout(() => {
        onEvent({ kind: "killed", patienceMs: stopPatienceMs });
        child.kill("SIGKILL");
      }, stopPatienceMs);
    };
    const stopping = this.#stopping.signal;
    if (stopping.aborted) stop();
    else stopping.addEventListener("abort", stop, { once: true });
    return {
      async [Symbol.asyncDispose]() {
        await ended;
        stopping.removeEventListener("abort", stop);
        clearTimeout(killing);
      },
    };
  }

  #listen(stream: Readable | null): void {
    if (stream === null) return;
    createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on("line", (line) => this.#heard(line));
  }

  #heard(line: string): void {
    this.#lastLines.push(line);
    if (this.#lastLines.length > REMEMBERED_LINES) this.#lastLines.shift();
    this.#options.onEvent({ kind: "said", line });
  }

  #giveUpOnReadiness(how: string): void {
    const said = this.#lastLines.map((line) => `    ${line}`).join("\n");
    this.#firstReady.reject(
      new LauncherFailure(
        `${this.name} did not become ready: it ${how}${said === "" ? "" : `; it said last:\n${said}`}`,
      ),
    );
  }
}

/** Output that a grandchild still holds open is not waited for longer than this. */
const OUTPUT_PATIENCE_MS = 2_000;

/** How the process ended, once its output has been read to the end. */
function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    const ended = (code: number | null, signal: NodeJS.Signals | null) =>
      resolve(signal === null ? `ended with status ${code}` : `was ended by ${signal}`);
    child.on("error", (error) => resolve(`could not be started: ${error.message}`));
    child.on("exit", (code, signal) => setTimeout(ended, OUTPUT_PATIENCE_MS, code, signal).unref());
    child.on("close", ended);
  });
}
