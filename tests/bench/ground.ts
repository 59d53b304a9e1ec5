/** What scenarios stand on: a whole Roost of its own, and beside it what machines by hand are made from. */
import { once } from "node:events";
import { mkdir, rm } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { type Instance, startInstance } from "@roost/launcher/instance";
import { readSettings } from "@roost/launcher/settings";
import { testProgram } from "@roost/launcher/testing";
import { Roost, type Sandbox } from "@roost/sdk";
import { followPhases } from "./agent-phases.ts";
import { type FloorGround, openFloorGround } from "./floor/ground.ts";
import { type FloorSlots, openFloorSlots } from "./floor/slots.ts";
import type { OperationPhases } from "./measure.ts";
import { BY_HAND } from "./rows.ts";

/** Instances for tests have fewer. */
const SPARE_SLOTS = "8";

/** Of every machine that is measured. */
export const SHAPE = { template: "minimal", vcpus: 1, memoryMb: 512 } as const;

export interface BenchGround extends AsyncDisposable {
  readonly roost: Roost;
  readonly instance: Instance;
  readonly floor: FloorGround;
  readonly slots: FloorSlots;
  /** Where kernel, VMM and programs are. */
  readonly assets: string;
  /** For a scenario's own files. */
  readonly folder: string;
  /** Of the agent's operations and of machines by hand, since the last time. */
  readonly newPhases: () => Promise<readonly OperationPhases[]>;
}

/** @param warmBases `auto` only for what is about them: making one takes the machine from what is measured. */
export async function openBenchGround(warmBases: "auto" | "off", signal: AbortSignal): Promise<BenchGround> {
  const settings = readSettings(process.env);
  const { cache: assets } = settings;
  const program = await testProgram(settings, "roost-bench", signal);
  await using stack = new AsyncDisposableStack();
  const instance = stack.use(
    await startInstance({ environment: { ROOST_SPARE_SLOTS: SPARE_SLOTS, ROOST_WARM_BASES: warmBases }, signal }),
  );
  const roost = new Roost(instance);
  const folder = join(instance.home, "by-hand");
  await mkdir(folder);
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const slots = stack.use(await openFloorSlots(assets, join(folder, "slots")));
  await using example = await roost.sandboxes.create(SHAPE);
  const byHand: OperationPhases[] = [];
  const onPhases = (milliseconds: OperationPhases["milliseconds"]): void =>
    void byHand.push({ operation: BY_HAND, milliseconds });
  const floor = await openFloorGround({
    ...{ program, assets, onPhases },
    folder: join(folder, "machines"),
    example: { vmm: await vmmOf(instance, example.id), base: join(sandboxFolder(instance, example), "base.ext4") },
  });
  const ofAgent = followPhases(join(instance.home, "logs", "host-agent.log"));
  const newPhases = async () => [...byHand.splice(0), ...(await ofAgent())];
  const kept = stack.move();
  return {
    ...{ roost, instance, floor, slots, assets, folder, newPhases },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

export function sandboxFolder(instance: Instance, { id }: Pick<Sandbox, "id">): string {
  return join(instance.dataFolder, "sandboxes", id);
}

/** The VMM's process, as its keeper tells it. */
export async function vmmOf(instance: Instance, sandboxId: string): Promise<number> {
  const socket = connect(join(instance.runFolder, instance.mark, sandboxId, "keeper.sock"));
  try {
    socket.write('{"op":"status"}\n');
    const [line] = (await once(socket, "data")) as [Buffer];
    return (JSON.parse(line.toString()) as { vmm_pid: number }).vmm_pid;
  } finally {
    socket.destroy();
  }
}

export async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
