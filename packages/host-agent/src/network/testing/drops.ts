/** How many packets the walls have dropped: by this a test sees that an attempt has met one, without waiting for nothing to come. */
import { setTimeout as sleep } from "node:timers/promises";
import { runCommand } from "../../commands/run.ts";
import { tableName } from "../names.ts";
import { SLOT_TABLE } from "../slot-rules.ts";
import type { Slot } from "../slots.ts";
import type { OwnNetwork } from "./own-network.ts";
import type { ProbeAnswer } from "./probe.ts";

/** Of all rules that drop, in a slot's table. */
export async function dropsInSlot(slot: Slot): Promise<number> {
  return dropsIn(["nsenter", `--net=${slot.netns}`, "nft", "-j", "list", "table", "inet", SLOT_TABLE]);
}

/** Of all rules that drop, in the host's table. */
export async function dropsOnHost(host: OwnNetwork, mark: string): Promise<number> {
  return dropsIn(["nft", "-j", "list", "table", "inet", tableName(mark)], host.run);
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
  readonly nftables: readonly { readonly rule?: { readonly expr: readonly Expression[] } }[];
}
type Expression = { readonly counter?: { readonly packets: number } };

async function dropsIn(argv: [string, ...string[]], run = runCommand): Promise<number> {
  const { nftables }: Listing = JSON.parse((await run(argv)).stdout);
  const counters = nftables.flatMap(({ rule }) => rule?.expr ?? []).map(({ counter }) => counter?.packets ?? 0);
  return counters.reduce((sum, packets) => sum + packets, 0);
}
