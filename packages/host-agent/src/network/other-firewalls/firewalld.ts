/**
 * firewalld: the slots' range becomes a source of its `trusted` zone, at run time only. Its table may belong to it alone (newer
 * versions lock it), so it is asked by its own tool; `trusted` opens the machine itself too, which our own table closes again.
 */
import { CommandError, type CommandRunner } from "../../commands/run.ts";
import type { ListedChain } from "../nft-listing.ts";
import type { FormerPassage, OtherFirewall, Passage } from "./other-firewalls.ts";

/** Of family inet. */
export const FIREWALLD_TABLE = "firewalld";

export class Firewalld implements OtherFirewall {
  readonly name = "firewalld";
  readonly #run: CommandRunner;

  constructor(run: CommandRunner) {
    this.#run = run;
  }

  async admit({ cidr }: Passage, chains: readonly ListedChain[]): Promise<boolean> {
    if (!isInUse(chains) || (await this.#trusts(cidr))) return false;
    await this.#run(["firewall-cmd", "--zone=trusted", `--add-source=${cidr}`]);
    return true;
  }

  async withdraw({ cidr }: FormerPassage, chains: readonly ListedChain[]): Promise<void> {
    if (cidr === undefined || !isInUse(chains) || !(await this.#trusts(cidr))) return;
    await this.#run(["firewall-cmd", "--zone=trusted", `--remove-source=${cidr}`]);
  }

  async #trusts(cidr: string): Promise<boolean> {
    try {
      await this.#run(["firewall-cmd", "--zone=trusted", `--query-source=${cidr}`]);
      return true;
    } catch (error) {
      if (error instanceof CommandError && error.status === 1) return false;
      throw error;
    }
  }
}

/** By its table: asking firewalld itself takes a third of a second. */
function isInUse(chains: readonly ListedChain[]): boolean {
  return chains.some(({ family, table }) => family === "inet" && table === FIREWALLD_TABLE);
}
