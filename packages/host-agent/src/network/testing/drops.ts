/** How many packets the walls have dropped: by this a test sees that an attempt has met one, without waiting for nothing to come. */
import { setTimeout as sleep } from "node:timers/promises";
import { runCommand } from "../../commands/run.ts";
import { tableName } from "../names.ts";
import { SLOT_TABLE } from "../slot-rules.ts";
import type { Slot } from "../slots.ts";
import type { OwnNetwork } from "./own-network.ts";
import type { ProbeAnswer } from "./probe.ts";

/** Of what the guest sent, in its slot's table. */
export async function dropsInSlot(slot: Slot): Promise<number> {
  const drops = await listDrops(["nsenter", `--net=${slot.netns}`, "nft", "-j", "list", "table", "inet", SLOT_TABLE]);
  return sum(drops.filter(({ chain }) => chain === "from_guest" || chain === "new_from_guest"));
}

/** Of whatever came from slots or went to them, in the host's table. */
export async function dropsOnHost(host: OwnNetwork, mark: string): Promise<number> {
  return sum(await listDrops(["nft", "-j", "list", "table", "inet", tableName(mark)], host.run));
}

/**
 * What becomes of an attempt: an answer, or `"dropped"` once the wall has counted a packet more. That the wall stands where it
 * should is seen by which counter is given.
 */
export async function outcome(attempt: Promise<ProbeAnswer>, drops: () => Promise<number>, before: number) {
  let answer: ProbeAnswer | undefined;
  void attempt.then((given) => {
    answer = given;
  });
  for (;;) {
    if (answer !== undefined) return answer;
    if ((await drops()) > before) return "dropped";
    await sleep(10);
  }
}

interface Listing {
  readonly nftables: readonly { readonly rule?: { readonly chain: string; readonly expr: readonly Expression[] } }[];
}
type Expression = { readonly counter?: { readonly packets: number } };

interface Drops {
  readonly chain: string;
  readonly packets: number;
}

/** Rules that drop are those that count. */
async function listDrops(argv: [string, ...string[]], run = runCommand): Promise<Drops[]> {
  const { nftables }: Listing = JSON.parse((await run(argv)).stdout);
  return nftables.flatMap(({ rule }) =>
    (rule?.expr ?? []).map(({ counter }) => ({ chain: rule?.chain ?? "", packets: counter?.packets ?? 0 })),
  );
}

function sum(drops: readonly Drops[]): number {
  return drops.reduce((total, { packets }) => total + packets, 0);
}
