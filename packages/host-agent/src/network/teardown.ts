import { type CommandRunner, runCommand } from "../commands/run.ts";
import { destroySlot } from "./destroy-slot.ts";
import { rangeOf, removeHostNetwork } from "./host-network.ts";
import { listOwn } from "./own-objects.ts";

/**
 * Removes all that a host has in the kernel's network: slots, its table, its rules in other firewalls; IPv4 forwarding is put back to what
 * it was. Idempotent. All sandboxes must be gone.
 * @throws RoostError `internal` when something would not go; asking again goes on from there.
 */
export async function teardownNetwork(mark: string, options: { readonly run?: CommandRunner } = {}): Promise<void> {
  const run = options.run ?? runCommand;
  const range = await rangeOf(run, mark);
  const { links, namespaces } = await listOwn(mark, run);
  for (const index of links.union(namespaces)) await destroySlot({ run, mark, range }, index);
  await removeHostNetwork(run, mark);
}
