/**
 * A host's slots: some prepared ahead, so that a new sandbox need not wait for the kernel, and made anew in the background.
 *
 *   (free) ── made ──→ spare ── acquire ──→ taken ── release ──→ (free)
 *   found in the kernel at start ── adopt ──→ taken;  ── release ──→ (free)
 *
 * One that could not be taken apart stays where it was, and is not used again until it could. Free indexes are used in turn, so
 * that an address rests as long as can be before another sandbox bears it. New spares are made when nobody has asked for one for a
 * moment: whoever did is starting a sandbox, and needs the processors.
 */
import { setTimeout as pause } from "node:timers/promises";
import { RoostError } from "@roost/protocol/errors";
import type { Logger } from "pino";
import type { CommandRunner } from "../commands/run.ts";
import { type AddressRange, slotAddresses } from "./address-range.ts";
import { buildSlot, describeSlot } from "./build-slot.ts";
import { destroySlot } from "./destroy-slot.ts";
import type { HostNetwork } from "./host-network.ts";
import { kernelRefused } from "./kernel-refused.ts";
import { listOwn } from "./own-objects.ts";
import { noInternetRules } from "./slot-rules.ts";
import { type Slot, type Slots, TAP_NAME } from "./slots.ts";

const REFILL_AFTER_MS = 1_000;
/** Until what could not be destroyed in the background is tried again. */
const RETRY_MS = 1_000;

export interface PoolOptions {
  readonly run: CommandRunner;
  readonly mark: string;
  readonly range: AddressRange;
  readonly logger: Logger;
  readonly spare: number;
  readonly found: ReadonlySet<number>;
  readonly host: HostNetwork;
}

export class SlotPool implements Slots {
  readonly capacity: number;
  readonly taken = new Set<number>();
  readonly found: Set<number>;
  readonly #options: PoolOptions;
  readonly #spare: Slot[] = [];
  /** Indexes that are not free: found, being made, spare, taken. */
  readonly #used: Set<number>;
  readonly #releasing = new Map<number, Promise<void>>();
  readonly #closing = new AbortController();
  #refilling: Promise<void> | undefined;
  #refillTimer: NodeJS.Timeout | undefined;
  #watching: Promise<void> | undefined;
  #next = 0;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.capacity = options.range.capacity;
    this.found = new Set(options.found);
    this.#used = new Set(options.found);
  }

  /** Waits for the first spare slot; the others come in the background, where the host's side is looked after from now on. */
  async open(): Promise<void> {
    const { spare, host } = this.#options;
    const index = spare === 0 ? undefined : this.#nextFree();
    if (index !== undefined) this.#spare.push(await this.#make(index, this.#closing.signal));
    this.#refill();
    this.#watching = host.watch(this.#closing.signal);
  }

  async acquire({ internet }: { internet: boolean }, signal?: AbortSignal): Promise<Slot> {
    const slot = await this.#takeOne(signal);
    try {
      if (!internet) await this.#closeInternet(slot, signal);
      return slot;
    } catch (error) {
      await this.release(slot.index);
      throw error;
    } finally {
      this.#refillSoon();
    }
  }

  async adopt(index: number): Promise<Slot> {
    const { run, mark, range } = this.#options;
    const { links, namespaces } = await listOwn(mark, run);
    if (index >= this.capacity || !links.has(index) || !namespaces.has(index)) {
      throw new RoostError("internal", `network slot ${index} is not whole any more`);
    }
    const slot = describeSlot(this.#options, index);
    try {
      const address = `${slotAddresses(range, index).host}/31`;
      const { stdout } = await run(["ip", "-oneline", "-4", "address", "show", "dev", slot.name]);
      if (!stdout.includes(` inet ${address} `)) throw new Error(`${slot.name} does not have the address ${address}`);
      await run(["ip", "-netns", slot.name, "link", "show", "dev", TAP_NAME]);
    } catch (error) {
      throw kernelRefused(`take network slot ${slot.name} over`, error);
    }
    this.found.delete(index);
    this.taken.add(index);
    return slot;
  }

  release(index: number): Promise<void> {
    const running = this.#releasing.get(index);
    if (running !== undefined) return running;
    const release = this.#release(index).finally(() => this.#releasing.delete(index));
    this.#releasing.set(index, release);
    return release;
  }

  letGo(index: number): void {
    void this.#releaseInTheEnd(index);
  }

  async settled(): Promise<void> {
    await Promise.allSettled(this.#releasing.values());
  }

  /** Gives the spare ones back. Those taken, and the host's table, outlive the agent, as their sandboxes do. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#refillTimer);
    await this.#refilling;
    await this.#watching;
    await this.settled();
    await using undo = new AsyncDisposableStack();
    for (const { index } of this.#spare.splice(0)) undo.defer(() => destroySlot(this.#options, index));
  }

  async #releaseInTheEnd(index: number): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        return await this.release(index);
      } catch (error) {
        this.#options.logger.error({ slot: index, err: error }, "a network slot could not be destroyed");
        await pause(RETRY_MS, undefined, { signal, ref: false }).catch(() => {});
      }
    }
  }

  async #release(index: number): Promise<void> {
    // An old record may name a slot that is long gone, and whose index is in other hands.
    if (!this.taken.has(index) && !this.found.has(index)) return;
    await destroySlot(this.#options, index);
    this.taken.delete(index);
    this.found.delete(index);
    this.#used.delete(index);
    this.#refillSoon();
  }

  async #takeOne(signal: AbortSignal | undefined): Promise<Slot> {
    for (;;) {
      signal?.throwIfAborted();
      const spare = this.#spare.shift();
      if (spare !== undefined) {
        this.taken.add(spare.index);
        return spare;
      }
      const index = this.#nextFree();
      if (index !== undefined) {
        const slot = await this.#make(index, signal);
        this.taken.add(index);
        return slot;
      }
      // The last ones may be on their way to become spare, or free.
      if (this.#refilling === undefined && this.#releasing.size === 0) {
        throw new RoostError(
          "no_capacity",
          `all ${this.capacity} network slots of ${this.#options.range.cidr} are taken; destroy a sandbox, or set a larger ROOST_SLOT_CIDR`,
        );
      }
      await Promise.race([...this.#releasing.values(), this.#refilling].filter((work) => work !== undefined)).catch(
        () => {},
      );
    }
  }

  async #make(index: number, signal: AbortSignal | undefined): Promise<Slot> {
    await using undo = new AsyncDisposableStack();
    undo.defer(async () => {
      await destroySlot(this.#options, index);
      this.#used.delete(index);
    });
    const slot = await buildSlot(this.#options, index, signal);
    undo.move();
    return slot;
  }

  async #closeInternet({ name, netns }: Slot, signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.#options.run(["nsenter", `--net=${netns}`, "nft", "-f", "-"], { input: noInternetRules(), signal });
    } catch (error) {
      throw signal?.aborted ? error : kernelRefused(`close network slot ${name}`, error);
    }
  }

  #refillSoon(): void {
    clearTimeout(this.#refillTimer);
    if (!this.#closing.signal.aborted) this.#refillTimer = setTimeout(() => this.#refill(), REFILL_AFTER_MS).unref();
  }

  /** Makes spare slots until there are enough. One failure ends it until the next acquire or release. */
  #refill(): void {
    this.#refilling ??= this.#makeSpares().finally(() => {
      this.#refilling = undefined;
    });
  }

  async #makeSpares(): Promise<void> {
    const { spare, logger } = this.#options;
    try {
      while (this.#spare.length < spare && !this.#closing.signal.aborted) {
        const index = this.#nextFree();
        if (index === undefined) return;
        this.#spare.push(await this.#make(index, this.#closing.signal));
      }
    } catch (error) {
      if (!this.#closing.signal.aborted) logger.warn({ err: error }, "could not prepare a network slot");
    }
  }

  /** From now on it is used. */
  #nextFree(): number | undefined {
    for (let tried = 0; tried < this.capacity; tried++) {
      const index = (this.#next + tried) % this.capacity;
      if (this.#used.has(index)) continue;
      this.#used.add(index);
      this.#next = index + 1;
      return index;
    }
    return undefined;
  }
}
