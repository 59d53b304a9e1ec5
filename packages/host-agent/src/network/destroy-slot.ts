/** Takes a slot apart, in reverse order of making. Idempotent, and right for one that is half there. */
import type { CommandRunner } from "../commands/run.ts";
import { type AddressRange, slotAddresses } from "./address-range.ts";
import { forgetConnections } from "./connections.ts";
import { kernelRefused } from "./kernel-refused.ts";
import { slotName } from "./names.ts";
import { listOwn } from "./own-objects.ts";

export interface SlotDestroyer {
  readonly run: CommandRunner;
  readonly mark: string;
  /** `undefined`: not known any more; connections through the slot are then left to end by themselves. */
  readonly range: AddressRange | undefined;
}

/** @throws RoostError `internal` when something of it would not go; asking again goes on from there. */
export async function destroySlot({ run, mark, range }: SlotDestroyer, index: number): Promise<void> {
  const name = slotName(mark, index);
  try {
    const own = await listOwn(mark, run);
    // With one end of the pair goes the other: from here on nothing gets through, whoever still holds the namespace.
    if (own.links.has(index)) await run(["ip", "link", "delete", "dev", name]);
    if (own.namespaces.has(index)) await run(["ip", "netns", "delete", name]);
    if (range !== undefined && index < range.capacity) {
      await forgetConnections(run, slotAddresses(range, index).slot);
    }
  } catch (error) {
    throw kernelRefused(`remove network slot ${name}`, error);
  }
}
