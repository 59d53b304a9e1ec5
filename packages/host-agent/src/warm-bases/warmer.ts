/**
 * Who makes warm bases: in the background, after the create that wanted one was answered, one at a time, and one of a kind. A
 * sandbox that needs the memory ends the one that is being made; what failed is left alone for a while.
 */
import { setTimeout } from "node:timers/promises";
import { RoostError } from "@roost/protocol/errors";
import type { Logger } from "pino";
import type { WarmBases } from "../sandboxes/create.ts";
import type { WarmBase } from "../sandboxes/sources.ts";
import type { Shape } from "../sandboxes/start-machine.ts";
import { BackOff } from "./back-off.ts";
import type { Shelf } from "./shelf.ts";
import type { Order } from "./warm-base.ts";

/** The first commands to the sandbox that had to be booted go before. */
const AFTER_ANSWER_MS = 3_000;
/** More than that are not worth waiting for: who wants another asks again. */
const MOST_WANTED = 8;

export interface WarmerOptions {
  readonly shelf: Shelf;
  readonly warm: (order: Order, signal: AbortSignal) => Promise<void>;
  /** What is wrong with its files, for a person. */
  readonly faultOf: (base: WarmBase, signal: AbortSignal) => Promise<string | undefined>;
  readonly now: () => Date;
  readonly logger: Logger;
  /** Default: AFTER_ANSWER_MS. */
  readonly afterAnswerMs?: number;
}

export class Warmer implements WarmBases, AsyncDisposable {
  readonly #options: WarmerOptions;
  readonly #backOff: BackOff;
  /** Waiting or being made. */
  readonly #wanted = new Map<string, Order>();
  readonly #closing = new AbortController();
  #working: Promise<void> | undefined;

  constructor(options: WarmerOptions) {
    this.#options = options;
    this.#backOff = new BackOff(options.now);
  }

  async find(image: string, shape: Shape, signal: AbortSignal): Promise<WarmBase | undefined> {
    const base = await this.#options.shelf.find(image, shape);
    if (!base) return undefined;
    try {
      const fault = await this.#options.faultOf(base, signal);
      if (fault === undefined) return base;
      await this.giveUp(base, fault);
    } catch (error) {
      signal.throwIfAborted();
      this.#options.logger.warn(
        { image, err: error },
        "whether a warm base is intact cannot be told; the sandbox boots",
      );
    }
    return undefined;
  }

  async giveUp(base: WarmBase, reason: unknown): Promise<void> {
    const { image, vcpus, memory_mb } = base.manifest;
    const { shelf, logger } = this.#options;
    logger.warn({ image, vcpus, memory_mb, err: reason }, "no sandbox could be made from a warm base; it is removed");
    this.#backOff.failed(keyOf(image, { vcpus, memoryMb: memory_mb }));
    await shelf.remove(base);
  }

  want(image: string, shape: Shape): void {
    const key = keyOf(image, shape);
    if (this.#closing.signal.aborted || this.#wanted.has(key) || this.#backOff.holds(key)) return;
    if (this.#wanted.size === MOST_WANTED) return;
    this.#wanted.set(key, { image, shape });
    this.#working ??= this.#work();
  }

  /** Ends what is being made. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new RoostError("internal", "The host agent is being stopped."));
    await this.#working;
  }

  async #work(): Promise<void> {
    const { afterAnswerMs = AFTER_ANSWER_MS } = this.#options;
    // What is wanted meanwhile comes at the end of the map, and is come to.
    for (const [key, order] of this.#wanted) {
      await setTimeout(afterAnswerMs, undefined, { signal: this.#closing.signal }).catch(() => {});
      if (!this.#closing.signal.aborted) await this.#make(key, order);
      this.#wanted.delete(key);
    }
    this.#working = undefined;
  }

  async #make(key: string, { image, shape }: Order): Promise<void> {
    const { shelf, warm, logger } = this.#options;
    const about = { image, vcpus: shape.vcpus, memory_mb: shape.memoryMb };
    const needed = new AbortController();
    const giveWay = () => needed.abort(new RoostError("no_capacity", "A sandbox needs the room."));
    const begun = performance.now();
    try {
      if (await shelf.find(image, shape)) return;
      await warm({ image, shape: { ...shape, giveWay } }, AbortSignal.any([this.#closing.signal, needed.signal]));
      await shelf.tidy();
      this.#backOff.succeeded(key);
      logger.info({ ...about, total_ms: Math.round(performance.now() - begun) }, "a warm base is there");
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      const again_sec = this.#backOff.failed(key) / 1000;
      if (isForLackOfRoom(error))
        logger.info({ ...about, again_sec, reason: error.message }, "no room for a warm base");
      else logger.warn({ ...about, again_sec, err: error }, "a warm base could not be made");
    }
  }
}

function keyOf(image: string, { vcpus, memoryMb }: Shape): string {
  return `${image} ${vcpus}x${memoryMb}`;
}

function isForLackOfRoom(error: unknown): error is RoostError {
  return error instanceof RoostError && (error.code === "no_capacity" || error.code === "disk_full");
}
