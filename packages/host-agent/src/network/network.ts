/** What the rest of the agent uses of this folder; the contract is in slots.ts. */
export { listOwn, type OwnNetworkObjects } from "./own-objects.ts";
export { openSlots, type SlotsOptions } from "./slot-pool.ts";
export { teardownNetwork } from "./teardown.ts";
