/**
 * The upkeep of this host's generations: what makes later wakes cheaper, done when nobody waits for it. Memory that has fallen into many
 * pieces is compacted, chains of disk layers are merged (renew.ts), and what a first wake uses is written down (working-set.ts).
 *
 * One generation at a time is renewed, with what CPU and disk others leave. An operation that is about to change a sandbox says
 * `leave`, and goes on when nothing of the upkeep touches it any more: what was not finished is given up. What has failed is tried again, later
 * and later.
 */
import { setTimeout } from "node:timers/promises";
import type { Logger } from "pino";
import type { RunningSandbox } from "../sandboxes/sandbox.ts";
import { BackOff } from "../warm-bases/back-off.ts";
import { Turns } from "./turns.ts";
import { FIRST_USE_MS } from "./working-set.ts";

/** Who has just gone to sleep may be woken at once. */
const QUIET_MS = 5_000;

/** A generation that may need upkeep. */
export interface Subject {
  /** Of the sandbox or the snapshot. */
  readonly id: string;
  /** Its folder now; undefined when it is gone, or being changed. */
  readonly folder: () => Promise<string | undefined>;
  /** Whether no machine was woken from it. */
  readonly asleep: boolean;
}

export interface UpkeepOptions {
  readonly renew: (folder: string, state: { readonly asleep: boolean }, signal: AbortSignal) => Promise<boolean>;
  readonly learn: (id: string, running: RunningSandbox) => Promise<void>;
  readonly now: () => Date;
  readonly logger: Logger;
  /** Default: real time. Rejects when the signal is aborted. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

interface Job {
  readonly cancel: AbortController;
  readonly ended: Promise<void>;
}

export class Upkeep implements AsyncDisposable {
  readonly #options: UpkeepOptions;
  readonly #wait: NonNullable<UpkeepOptions["wait"]>;
  readonly #jobs = new Map<string, Set<Job>>();
  readonly #turns = new Turns();
  readonly #backOff: BackOff;
  #closed = false;

  constructor(options: UpkeepOptions) {
    this.#options = options;
    this.#wait = options.wait ?? ((ms, signal) => setTimeout(ms, undefined, { signal, ref: false }));
    this.#backOff = new BackOff(options.now);
  }

  /** A machine was woken, and nobody knows yet what such a wake uses. */
  woken(id: string, running: RunningSandbox): void {
    if (running.wokenFrom === undefined) return;
    this.#begin(id, async (signal) => {
      await this.#wait(FIRST_USE_MS, signal);
      await this.#options.learn(id, running).catch((error: unknown) => {
        this.#options.logger.info({ sandbox: id, err: error }, "what a wake has used was not recorded");
      });
    });
  }

  /** Something of this generation is new. */
  consider(subject: Subject): void {
    this.#begin(subject.id, async (signal) => {
      for (let pauseMs = QUIET_MS; ; ) {
        await this.#wait(pauseMs, signal);
        const again = await this.#turns.take(() => this.#renew(subject, signal), signal);
        if (again === undefined) return;
        pauseMs = again;
      }
    });
  }

  /** When this resolves, nothing touches what belongs to this id, nor will before it is considered again. */
  async leave(id: string): Promise<void> {
    const jobs = [...(this.#jobs.get(id) ?? [])];
    for (const { cancel } of jobs) cancel.abort();
    await Promise.all(jobs.map(({ ended }) => ended));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await Promise.all(Array.from(this.#jobs.keys(), (id) => this.leave(id)));
  }

  /** @returns after how long it is worth trying again; undefined: there is nothing more to do. */
  async #renew(subject: Subject, signal: AbortSignal): Promise<number | undefined> {
    const { renew, logger } = this.#options;
    const folder = await subject.folder();
    if (folder === undefined) return undefined;
    try {
      await renew(folder, subject, signal);
      this.#backOff.succeeded(subject.id);
      return undefined;
    } catch (error) {
      if (signal.aborted || (await subject.folder()) === undefined) return undefined;
      const pauseMs = this.#backOff.failed(subject.id);
      logger.warn({ generation: folder, again_sec: pauseMs / 1000, err: error }, "a generation could not be renewed");
      return pauseMs;
    }
  }

  #begin(id: string, work: (signal: AbortSignal) => Promise<void>): void {
    if (this.#closed) return;
    const cancel = new AbortController();
    const jobs = this.#jobs.get(id) ?? new Set();
    this.#jobs.set(id, jobs);
    const ended = work(cancel.signal)
      .catch((error: unknown) => {
        if (!cancel.signal.aborted) this.#options.logger.error({ id, err: error }, "upkeep has failed");
      })
      .then(() => {
        jobs.delete(job);
        if (jobs.size === 0 && this.#jobs.get(id) === jobs) this.#jobs.delete(id);
      });
    const job = { cancel, ended };
    jobs.add(job);
  }
}
