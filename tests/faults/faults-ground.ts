/** The ground on which operations are made to fail: the agent without its RPC service, with the real drivers. */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { findCandidates, Ground, type GroundOptions, type Parts } from "@roost/host-agent/testing";
import { takeLot } from "@roost/launcher/lot";
import { readSettings } from "@roost/launcher/settings";
import { newId } from "@roost/protocol/ids";
import { type Logger, pino } from "pino";
import type { machineState } from "../machine-state/machine-state.ts";

export interface FaultsGround extends AsyncDisposable {
  readonly parts: Parts;
  /** All that it has on the machine. */
  readonly scope: Parameters<typeof machineState>[0];
}

export interface FaultsGroundOptions {
  readonly memory?: GroundOptions["memory"];
  /** On a file system of the test's own; by default a folder that goes with the ground. */
  readonly dataFolder?: string;
  readonly logger?: Logger;
}

export async function openFaultsGround(options: FaultsGroundOptions = {}): Promise<FaultsGround> {
  await using stack = new AsyncDisposableStack();
  const lot = stack.use(await takeLot());
  const { cache: assets, checkout } = readSettings(process.env);
  const folder = options.dataFolder ?? (await mkdtemp(join(checkout, ".roost", "faults-")));
  if (options.dataFolder === undefined) stack.defer(() => rm(folder, { recursive: true, force: true }));
  const mark = newId("host", randomBytes).slice(5, 9);
  const runFolder = lot.environment.ROOST_RUN;
  stack.defer(() => rm(runFolder, { recursive: true, force: true }));
  const candidates = await findCandidates(assets);
  const ground = await Ground.open({
    mark,
    assets,
    dataFolder: folder,
    memory: options.memory ?? "mapped",
    runFolder,
    disk: "auto",
    slotCidr: lot.environment.ROOST_SLOT_CIDR,
    spareSlots: 0,
    vmmUidBase: Number(lot.environment.ROOST_VMM_UID_BASE),
    hostReserveMb: undefined,
    logger: options.logger ?? pino({ level: "silent" }),
  });
  stack.defer(() => ground.teardown());
  const kept = stack.move();
  return {
    parts: ground.partsWith(candidates.vmms.at(-1) ?? candidates.vmms[0]),
    scope: { mark, folders: [folder, runFolder] },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** The smallest sandbox. */
export function smallSpec() {
  return {
    id: newId("sandbox", randomBytes),
    template: "minimal",
    vcpus: 1,
    memoryMb: 128,
    env: {},
    internet: true,
    timeoutSec: 0,
  };
}
