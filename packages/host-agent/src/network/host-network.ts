/**
 * The host's side of the network: its table, forwarding, the way past other firewalls, resolvers. It is set up once and then
 * looked after, because others work on the same kernel: a firewall's reload flushes our table too, Docker starts and drops what it does
 * not know, a laptop changes its resolvers.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { CommandRunner } from "../commands/run.ts";
import { type AddressRange, parseAddressRange } from "./address-range.ts";
import { RANGE_SET } from "./host-rules.ts";
import { hasHostTable, installHostTable, isForwarding, removeHostTable } from "./host-table.ts";
import { kernelRefused } from "./kernel-refused.ts";
import { openLoopback } from "./loopback.ts";
import { slotName, tableName } from "./names.ts";
import { type ListedChain, listChains, listNetworks } from "./nft-listing.ts";
import { otherFirewalls } from "./other-firewalls/other-firewalls.ts";
import { listOwn } from "./own-objects.ts";
import { isLoopback, readResolvers } from "./resolvers.ts";

export interface HostNetworkOptions {
  readonly run: CommandRunner;
  readonly mark: string;
  readonly range: AddressRange;
  readonly resolverFiles: readonly string[];
  readonly logger: Logger;
}

/** How long it may be in disorder before it is found. A look takes some ten milliseconds of CPU. */
const CHECK_INTERVAL_MS = 15_000;

export class HostNetwork {
  readonly #options: HostNetworkOptions;
  #resolvers: readonly string[] = [];
  #forwardingWasOff = false;

  constructor(options: HostNetworkOptions) {
    this.#options = options;
  }

  /** @throws RoostError `internal` when the kernel refused. */
  async open(): Promise<void> {
    const { range, resolverFiles, logger } = this.#options;
    this.#resolvers = await readResolvers(resolverFiles);
    if (this.#resolvers.length === 0) {
      logger.warn(
        { files: resolverFiles },
        "sandboxes have no DNS: no resolver with a reachable IPv4 address is configured",
      );
    }
    const chains = await listChains(this.#options.run);
    await this.#install(chains);
    await this.#passOtherFirewalls(chains);
    logger.info(
      { network: range.cidr, resolvers: this.#resolvers },
      "the host's side of the sandboxes' network stands",
    );
  }

  /** Whether slots must lead to this machine's loopback for their DNS. */
  get resolverIsLocal(): boolean {
    return this.#resolvers.some(isLoopback);
  }

  /** Looks after it until the signal. */
  async watch(signal: AbortSignal): Promise<void> {
    for (;;) {
      await sleep(CHECK_INTERVAL_MS, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      await this.check().catch((error: unknown) => {
        this.#options.logger.warn({ err: error }, "could not look after the host's network");
      });
    }
  }

  /** Puts right what others have changed since. */
  async check(): Promise<void> {
    const { run, mark, resolverFiles, logger } = this.#options;
    const resolvers = await readResolvers(resolverFiles);
    // While a network is being changed there may be none for a moment: the old ones are as good.
    const hasChanged = resolvers.length > 0 && resolvers.join() !== this.#resolvers.join();
    const chains = await listChains(run);
    const isInPlace = hasHostTable(mark, chains) && (await isForwarding(run));
    if (hasChanged || !isInPlace) {
      if (hasChanged) this.#resolvers = resolvers;
      await this.#install(chains);
      logger.warn(
        { resolvers: this.#resolvers, was_gone: !isInPlace },
        "the host's firewall table was put in place anew",
      );
    }
    await this.#passOtherFirewalls(chains);
  }

  async #install(chains: readonly ListedChain[]): Promise<void> {
    const { run, mark, range } = this.#options;
    const table = { mark, range, resolvers: this.#resolvers, forwardingWasOff: this.#forwardingWasOff };
    this.#forwardingWasOff = await installHostTable(run, table, chains);
    if (!this.resolverIsLocal) return;
    const { links } = await listOwn(mark, run);
    await openLoopback(
      run,
      [...links].map((index) => slotName(mark, index)),
    );
  }

  /** One that cannot be passed costs sandboxes their internet, not the host its work. */
  async #passOtherFirewalls(chains: readonly ListedChain[]): Promise<void> {
    const { run, mark, range, logger } = this.#options;
    for (const firewall of otherFirewalls(run)) {
      try {
        const changed = await firewall.admit({ mark, cidr: range.cidr }, chains);
        if (!changed) continue;
        logger.info({ firewall: firewall.name }, "sandboxes pass another firewall, which drops what is forwarded");
      } catch (error) {
        logger.warn(
          { err: error, firewall: firewall.name },
          "sandboxes may have no internet: another firewall cannot be told of them",
        );
      }
    }
  }
}

/** The range of a host's slots, as its table tells it; `undefined` without a table. */
export async function rangeOf(run: CommandRunner, mark: string): Promise<AddressRange | undefined> {
  const chains = await listChains(run);
  if (!hasHostTable(mark, chains)) return undefined;
  const [cidr] = await listNetworks(run, tableName(mark), RANGE_SET);
  return cidr === undefined ? undefined : parseAddressRange(cidr);
}

/** Removes all of a host's side, whichever process made it. Idempotent. @throws RoostError `internal` */
export async function removeHostNetwork(run: CommandRunner, mark: string): Promise<void> {
  const range = await rangeOf(run, mark);
  const chains = await listChains(run);
  for (const firewall of otherFirewalls(run)) {
    await firewall.withdraw({ mark, cidr: range?.cidr }, chains).catch((error: unknown) => {
      throw kernelRefused(`take back the sandboxes' passage through ${firewall.name}`, error);
    });
  }
  await removeHostTable(run, mark, chains);
}
