/**
 * This host: the choice of its VMM, its sandboxes, and their removal. What `main.ts` puts behind the RPC service, and tests build
 * without one.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { RoostError } from "@roost/protocol/errors";
import type { Logger } from "pino";
import type { Config } from "../config.ts";
import type { HostLoad } from "../control-link/control-link.ts";
import { destroySandbox, freeEndedSandbox } from "../sandboxes/destroy.ts";
import type { Parts } from "../sandboxes/parts.ts";
import { freezeSandbox } from "../sandboxes/pause.ts";
import { reconcile } from "../sandboxes/reconcile.ts";
import { Sandboxes } from "../sandboxes/sandboxes.ts";
import type { OnPhase } from "../sandboxes/steps.ts";
import { chooseVmm, chosenVmm } from "../vmm/choose.ts";
import type { Vmm } from "../vmm/vmm.ts";
import { openWarmBases, removeWarmBases } from "../warm-bases/warm-bases.ts";
import { findCandidates } from "./candidates.ts";
import { Ground, type GroundOptions } from "./ground.ts";
import { trialMark, trySandbox } from "./trial.ts";

/** For a ground that starts one sandbox at most. */
const NO_SPARES = { spareSlots: 0 };

/** What of the configuration a host is made from. */
export type HostConfig = Pick<
  Config,
  | "assets"
  | "data"
  | "run"
  | "disk"
  | "cpu"
  | "memory"
  | "warmBases"
  | "slotCidr"
  | "spareSlots"
  | "vmmUidBase"
  | "hostReserveMb"
  | "vmm"
>;

/**
 * Which VMM runs here.
 * @param mark of a host that has joined: the trial is made beside its sandboxes, which may be running. One that has not joined yet
 * borrows a mark, and leaves nothing of the trial.
 */
export async function chooseHostVmm(
  config: HostConfig,
  mark: string | undefined,
  logger: Logger,
  signal: AbortSignal,
): Promise<Vmm> {
  const { vmms, circumstances } = await findCandidates(config.assets, config.cpu);
  await using stack = new AsyncDisposableStack();
  let ground: Promise<Ground> | undefined;
  const lay = async (): Promise<Ground> => {
    if (mark !== undefined)
      return stack.use(await Ground.open({ ...groundOptions(config, mark, logger), ...NO_SPARES }));
    const options = { ...groundOptions(config, trialMark(config.data), logger), ...NO_SPARES };
    const trial = await Ground.open({ ...options, dataFolder: join(config.data, "trial") });
    stack.defer(() => rm(join(config.data, "trial"), { recursive: true, force: true }));
    stack.defer(() => trial.teardown());
    await removeAll(trial, vmms[0]); // What an earlier trial left, if it was cut short.
    return trial;
  };
  return await chooseVmm(
    {
      candidates: vmms,
      attempt: async (vmm, limit) => {
        ground ??= lay();
        await trySandbox((await ground).partsWith(vmm), limit);
      },
      file: choiceFile(config),
      circumstances,
      logger,
    },
    signal,
  );
}

export interface Host extends AsyncDisposable {
  readonly sandboxes: Sandboxes;
  load(): HostLoad;
}

/**
 * @param onChange told of every change of a sandbox's state that nobody asked for.
 * @param onPhase told how long each phase of an operation took.
 */
export async function openHost(
  config: HostConfig,
  mark: string,
  vmm: Vmm,
  logger: Logger,
  onChange: () => void,
  onPhase: OnPhase,
): Promise<Host> {
  await using stack = new AsyncDisposableStack();
  const ground = stack.use(await Ground.open({ ...groundOptions(config, mark, logger), onPhase }));
  const parts = ground.partsWith(vmm);
  const warmBases = config.warmBases === "off" ? undefined : stack.use(await openWarmBases(parts));
  if (!warmBases) await removeWarmBases(parts);
  const sandboxes = stack.use(await Sandboxes.open(parts, onChange, warmBases));
  const kept = stack.move();
  return {
    sandboxes,
    load: () => loadOf(parts),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

function loadOf({ admission }: Parts): HostLoad {
  const { sandboxes, vcpus, memory_mb: memoryMb, disk_free_mb: diskFreeMb } = admission.load();
  return { sandboxes, vcpus, memoryMb, diskFreeMb };
}

/** What became of the sandboxes of a host that was put to rest. */
export interface Rest {
  /** Frozen now. */
  readonly paused: number;
  /** Could not be frozen: they ended, and keep their disks. */
  readonly ended: number;
}

/** Pauses all sandboxes of this host and removes all that it has in the kernel; what it needs to start again stays. */
export async function putToRest(config: HostConfig, mark: string, logger: Logger): Promise<Rest> {
  const { vmms } = await findCandidates(config.assets, config.cpu);
  const ground = await Ground.open({ ...groundOptions(config, mark, logger), ...NO_SPARES });
  const parts = ground.partsWith(await ownVmm(config, vmms));
  let [paused, ended] = [0, 0];
  for (const sandbox of await reconcile(parts)) {
    if (sandbox.state !== "running") continue;
    const { id, running } = sandbox;
    try {
      const { free } = await freezeSandbox(parts, id, running, new AbortController().signal);
      await free();
      paused++;
    } catch (error) {
      logger.error({ sandbox: id, err: error }, "a sandbox could not be paused");
      const reason = error instanceof RoostError ? error.message : "an error of its host.";
      await freeEndedSandbox(parts, id, running, `It could not be paused when Roost was stopped: ${reason}`);
      ended++;
    }
  }
  await ground.teardown();
  return { paused, ended };
}

/** The one that was chosen when its agent started: its fingerprint goes into what is frozen. */
async function ownVmm(config: HostConfig, vmms: readonly [Vmm, ...Vmm[]]): Promise<Vmm> {
  return (await chosenVmm(choiceFile(config), vmms)) ?? vmms[0];
}

function choiceFile(config: HostConfig): string {
  return join(config.data, "host", "vmm-choice.json");
}

/** Destroys all sandboxes of a ground. Any VMM of the right name will do: ending a machine is its keeper's business. */
async function removeAll(ground: Ground, vmm: Vmm): Promise<void> {
  const parts = ground.partsWith(vmm);
  for (const sandbox of await reconcile(parts)) {
    await destroySandbox(parts, sandbox.id, sandbox.state === "running" ? sandbox.running : undefined);
  }
}

function groundOptions(config: HostConfig, mark: string, logger: Logger): GroundOptions {
  return {
    mark,
    assets: config.assets,
    dataFolder: config.data,
    runFolder: config.run,
    disk: config.disk,
    memory: config.memory === "auto" ? "mapped" : config.memory,
    slotCidr: config.slotCidr,
    spareSlots: config.spareSlots,
    vmmUidBase: config.vmmUidBase,
    hostReserveMb: config.hostReserveMb,
    logger,
  };
}
