/** Network slots for the machines by hand, as Roost's own, made before they are needed. */
import { randomBytes } from "node:crypto";
import { findCandidates, Ground } from "@roost/host-agent/testing";
import { takeLot } from "@roost/launcher/lot";
import { newId } from "@roost/protocol/ids";
import { pino } from "pino";

export interface FloorSlot extends AsyncDisposable {
  /** Path of its network namespace. */
  readonly netns: string;
  /** Where the guest is reached. */
  readonly address: string;
  /** Of the user that owns nothing else. */
  readonly uid: number;
}

export interface FloorSlots extends AsyncDisposable {
  take(): Promise<FloorSlot>;
}

/** @param dataFolder for what a host keeps; nothing of it is used. */
export async function openFloorSlots(assets: string, dataFolder: string): Promise<FloorSlots> {
  await using stack = new AsyncDisposableStack();
  const lot = stack.use(await takeLot());
  const { ROOST_RUN: runFolder, ROOST_SLOT_CIDR: slotCidr, ROOST_VMM_UID_BASE: uids } = lot.environment;
  const vmmUidBase = Number(uids);
  const ground = await Ground.open({
    mark: newId("host", randomBytes).slice(5, 9),
    ...{ assets, dataFolder, runFolder, slotCidr, vmmUidBase },
    disk: "auto",
    memory: "mapped",
    hostReserveMb: undefined,
    // Made when it is taken, so that nothing is made while something is measured.
    spareSlots: 0,
    logger: pino({ level: "silent" }),
  });
  stack.defer(() => ground.teardown());
  const { slots } = ground.partsWith((await findCandidates(assets)).vmms[0]);
  const kept = stack.move();
  return {
    async take() {
      const { index, netns, address } = await slots.acquire({ internet: true });
      return { netns, address, uid: vmmUidBase + index, [Symbol.asyncDispose]: () => slots.release(index) };
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
