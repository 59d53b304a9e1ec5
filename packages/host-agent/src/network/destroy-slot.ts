/** Takes a slot apart, in reverse order of making. Idempotent, and right for one that is half there. */
import type { CommandRunner } from "../commands/run.ts";
import { type AddressRange, slotAddresses } from "./address-range.ts";
import { forgetConnections } from "./connections.ts";
import { kernelRefused } from "./kernel-refused.ts";
import { slotName } from "./names.ts";
import { listOwn, type OwnNetworkObjects } from "./own-objects.ts";

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
    // With one end of the pair goes the other: from here on nothing gets through, whoever still holds the namespace.
    await removeOwn({ run, mark }, "links", index, ["ip", "link", "delete", "dev", name]);
    await removeOwn({ run, mark }, "namespaces", index, ["ip", "netns", "delete", name]);
    // An index beyond the range is of a time when it was larger.
    if (range !== undefined && index < range.capacity) {
      await forgetConnections(run, slotAddresses(range, index).slot);
    }
  } catch (error) {
    throw kernelRefused(`remove network slot ${name}`, error);
  }
}

/** A link also goes by itself, a moment after its namespace: what is not there any more need not be removed. */
async function removeOwn(
  { run, mark }: Pick<SlotDestroyer, "run" | "mark">,
  kind: keyof OwnNetworkObjects,
  index: number,
  command: [string, ...string[]],
): Promise<void> {
  try {
    await run(command);
  } catch (error) {
    if ((await listOwn(mark, run))[kind].has(index)) throw error;
  }
}
