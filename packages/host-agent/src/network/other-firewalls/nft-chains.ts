/** Firewalls written for nftables itself: a machine's own /etc/nftables.conf, mostly. */
import type { CommandRunner } from "../../commands/run.ts";
import { roostTables } from "../host-table.ts";
import { slotPrefix } from "../names.ts";
import { type ListedChain, type ListedRule, listRules } from "../nft-listing.ts";
import { FIREWALLD_TABLE } from "./firewalld.ts";
import type { FormerPassage, OtherFirewall, Passage } from "./other-firewalls.ts";

export class NftChains implements OtherFirewall {
  readonly name = "nftables";
  readonly #run: CommandRunner;

  constructor(run: CommandRunner) {
    this.#run = run;
  }

  async admit({ mark }: Passage, chains: readonly ListedChain[]): Promise<boolean> {
    let changed = false;
    for (const chain of foreignForwardChains(chains)) {
      const rules = await listRules(this.#run, chain);
      const isAdmitted = rules.some(({ comment }) => comment === commentOf(mark));
      if (isAdmitted || !refusesByDefault(chain, rules)) continue;
      const { family, table, name } = chain;
      const insertions = (["iifname", "oifname"] as const).map((key) => ({
        insert: { rule: { family, table, chain: name, comment: commentOf(mark), expr: admission(key, mark) } },
      }));
      await this.#change(insertions);
      changed = true;
    }
    return changed;
  }

  async withdraw({ mark }: FormerPassage, chains: readonly ListedChain[]): Promise<void> {
    for (const chain of foreignForwardChains(chains)) {
      const rules = await listRules(this.#run, chain);
      const ours = rules.filter(({ comment }) => comment === commentOf(mark));
      const { family, table, name } = chain;
      if (ours.length > 0) {
        await this.#change(ours.map(({ handle }) => ({ delete: { rule: { family, table, chain: name, handle } } })));
      }
    }
  }

  /** In JSON, as `nft-listing.ts` explains. All of it or none. */
  async #change(commands: readonly object[]): Promise<void> {
    await this.#run(["nft", "-j", JSON.stringify({ nftables: commands })]);
  }
}

/** Whatever comes in by, or goes out to, a link of this host's slots. */
function admission(key: "iifname" | "oifname", mark: string): readonly object[] {
  return [{ match: { op: "==", left: { meta: { key } }, right: `${slotPrefix(mark)}*` } }, { accept: null }];
}

/** Those that see forwarded IPv4 packets and that nobody else here looks after. */
function foreignForwardChains(chains: readonly ListedChain[]): ListedChain[] {
  const roosts = roostTables(chains);
  return chains.filter(({ family, table, name, hook }) => {
    if (hook !== "forward" || (family !== "ip" && family !== "inet")) return false;
    if (family === "inet" && (roosts.has(table) || table === FIREWALLD_TABLE)) return false;
    // That of iptables-nft, which does not understand every rule that nft can write.
    return !(family === "ip" && table === "filter" && name === "FORWARD");
  });
}

function commentOf(mark: string): string {
  return `Roost ${mark}`;
}

/** By its policy, or by a last rule without conditions. */
function refusesByDefault(chain: ListedChain, rules: readonly ListedRule[]): boolean {
  if (chain.policy === "drop") return true;
  const last =
    rules.at(-1)?.expressions.filter((expression) => !("counter" in expression || "log" in expression)) ?? [];
  const [verdict] = last;
  return last.length === 1 && verdict !== undefined && ("drop" in verdict || "reject" in verdict);
}
