/** What the rest of the agent uses of this folder; the contract is in slots.ts. */

export { openSlots, type SlotsOptions } from "./open-slots.ts";
export { listOwn, type OwnNetworkObjects } from "./own-objects.ts";
export { teardownNetwork } from "./teardown.ts";
