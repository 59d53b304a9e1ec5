/**
 * Firewalls that speak through iptables: Docker, ufw, a distribution's own rules. The old interface to the kernel (`iptables-legacy`) and
 * the new one (`iptables-nft`) have tables of their own, and a machine may use both.
 */
import { CommandError, type CommandRunner } from "../../commands/run.ts";
import { slotPrefix } from "../names.ts";
import type { ListedChain } from "../nft-listing.ts";
import type { FormerPassage, OtherFirewall, Passage } from "./other-firewalls.ts";

/** A rule without conditions that ends a chain: behind it nothing passes, whatever the policy. */
const FINAL_REFUSAL = /^-A FORWARD -j (DROP|REJECT)( --reject-with \S+)?$/;

export class Iptables implements OtherFirewall {
  readonly name: "iptables-nft" | "iptables-legacy";
  readonly #run: CommandRunner;

  constructor(name: "iptables-nft" | "iptables-legacy", run: CommandRunner) {
    this.name = name;
    this.#run = run;
  }

  async admit({ mark }: Passage, chains: readonly ListedChain[]): Promise<boolean> {
    if (!(await this.#isInUse(chains)) || !(await this.#refusesByDefault())) return false;
    let changed = false;
    for (const rule of rules(mark)) {
      if (await this.#has(rule)) continue;
      await this.#run([this.name, "-w", "-I", "FORWARD", ...rule]);
      changed = true;
    }
    return changed;
  }

  async withdraw({ mark }: FormerPassage, chains: readonly ListedChain[]): Promise<void> {
    if (!(await this.#isInUse(chains))) return;
    for (const rule of rules(mark)) {
      while (await this.#has(rule)) await this.#run([this.name, "-w", "-D", "FORWARD", ...rule]);
    }
  }

  /** Whether there is a chain to look at: only asking iptables-legacy for it would make one. */
  async #isInUse(chains: readonly ListedChain[]): Promise<boolean> {
    if (this.name === "iptables-nft") {
      const exists = chains.some(
        ({ family, table, name }) => family === "ip" && table === "filter" && name === "FORWARD",
      );
      return exists && (await this.#isInstalled());
    }
    const tables = await this.#run(["cat", "/proc/net/ip_tables_names"]).catch(() => ({ stdout: "" }));
    return tables.stdout.split("\n").includes("filter") && (await this.#isInstalled());
  }

  async #isInstalled(): Promise<boolean> {
    try {
      await this.#run([this.name, "--version"]);
      return true;
    } catch (error) {
      if (error instanceof CommandError && error.missing) return false;
      throw error;
    }
  }

  async #refusesByDefault(): Promise<boolean> {
    const { stdout } = await this.#run([this.name, "-w", "-S", "FORWARD"]);
    const lines = stdout.trim().split("\n");
    return lines.includes("-P FORWARD DROP") || FINAL_REFUSAL.test(lines.at(-1) ?? "");
  }

  async #has(rule: readonly string[]): Promise<boolean> {
    try {
      await this.#run([this.name, "-w", "-C", "FORWARD", ...rule]);
      return true;
    } catch (error) {
      if (error instanceof CommandError && error.status === 1) return false;
      throw error;
    }
  }
}

/** iptables' plus sign is nftables' asterisk. */
function rules(mark: string): string[][] {
  const slots = `${slotPrefix(mark)}+`;
  const verdict = ["-m", "comment", "--comment", `Roost ${mark}`, "-j", "ACCEPT"];
  return [
    ["-i", slots, ...verdict],
    ["-o", slots, ...verdict],
  ];
}
