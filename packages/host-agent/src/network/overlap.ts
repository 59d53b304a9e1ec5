/**
 * Refuses an address range that this machine already uses: its own networks, a VPN, Docker, another Roost. Sandboxes would take
 * those addresses away from it.
 */
import { RoostError } from "@roost/protocol/errors";
import { Type } from "typebox";
import { Value } from "typebox/value";
import type { CommandRunner } from "../commands/run.ts";
import { type AddressRange, overlaps } from "./address-range.ts";
import { kernelRefused } from "./kernel-refused.ts";
import { slotIndex } from "./names.ts";

/** What `ip -json -4 route show table all` says that is of interest here. */
const Routes = Type.Array(Type.Object({ dst: Type.String(), dev: Type.Optional(Type.String()) }));

/** @throws RoostError `conflict`, naming the setting and what stands against it. */
export async function refuseOverlap(run: CommandRunner, mark: string, range: AddressRange): Promise<void> {
  for (const { dst, dev } of await listRoutes(run)) {
    const isOwn = dev !== undefined && slotIndex(mark, dev) !== undefined;
    if (isOwn || dst === "default" || !overlaps(range, dst)) continue;
    const where = dev === undefined ? "" : ` on ${dev}`;
    throw new RoostError(
      "conflict",
      `the network ${range.cidr} for sandboxes overlaps with ${dst}${where}, which this machine uses; set ROOST_SLOT_CIDR to a private network that is free here, such as 10.${((range.first >>> 16) & 255) ^ 1}.0.0/16`,
    );
  }
}

async function listRoutes(run: CommandRunner) {
  try {
    const { stdout } = await run(["ip", "-json", "-4", "route", "show", "table", "all"]);
    return Value.Parse(Routes, JSON.parse(stdout || "[]"));
  } catch (error) {
    throw kernelRefused("read this machine's routes", error);
  }
}
