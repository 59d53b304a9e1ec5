import { type CommandRunner, runCommand } from "../commands/run.ts";
import type { AddressRange } from "./address-range.ts";
import { destroySlot } from "./destroy-slot.ts";
import { removeHostTable } from "./host-table.ts";
import { listOwn } from "./own-objects.ts";

/**
 * Removes all that a host has in the kernel's network: slots, the host's table; IPv4 forwarding is put back to what it was. Idempotent. All
 * sandboxes must be gone.
 */
export async function teardownNetwork(
  mark: string,
  options: { readonly run?: CommandRunner; readonly range?: AddressRange } = {},
): Promise<void> {
  const run = options.run ?? runCommand;
  const { links, namespaces } = await listOwn(mark, run);
  for (const index of links.union(namespaces)) await destroySlot({ run, mark, range: options.range }, index);
  await removeHostTable(run, mark);
}
