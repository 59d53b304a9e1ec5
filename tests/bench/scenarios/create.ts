/** New sandboxes from a frozen one: one alone, and eight at once. */
import { randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Sandbox } from "@roost/sdk";
import { FloorMachine, type Origin } from "../floor/machine.ts";
import { type BenchGround, milliseconds, SHAPE } from "../ground.ts";
import type { Scenario } from "../measure.ts";
import type { RowId } from "../rows.ts";
import { originOf } from "./origins.ts";

/** From a base image, of which there is a warm one. */
export const openCreate = (ground: BenchGround): Promise<Scenario> => open(ground, "create", 1, warmBase);
/** From a snapshot. */
export const openClones = (ground: BenchGround): Promise<Scenario> => open(ground, "clones", 8, frozenTemplate);

async function open(
  ground: BenchGround,
  row: RowId,
  copies: number,
  openTemplate: (ground: BenchGround) => Promise<FrozenTemplate>,
): Promise<Scenario> {
  const { roost } = ground;
  await using stack = new AsyncDisposableStack();
  const template = stack.use(await openTemplate(ground));
  const kept = stack.move();
  return {
    async roost() {
      const sandboxes: Sandbox[] = [];
      const took = await milliseconds(() =>
        atOnce(copies, async () => {
          const sandbox = await roost.sandboxes.create({ ...SHAPE, template: template.name });
          sandboxes.push(sandbox);
          await sandbox.exec("true");
        }),
      );
      await Promise.all(sandboxes.map((sandbox) => sandbox.destroy()));
      return { [row]: took };
    },
    async floor() {
      await using machines = new AsyncDisposableStack();
      const slots = await atOnce(copies, async () => machines.use(await ground.slots.take()));
      const took = await milliseconds(() =>
        atOnce(copies, async (index) => {
          const slot = slots[index];
          if (!slot) throw new TypeError("a machine without a slot");
          const machine = machines.use(await FloorMachine.start(ground.floor, template.origin, slot));
          await machine.wake("by-hand");
          await machine.guest.exec("true");
        }),
      );
      return { [row]: took };
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Made only while nobody needs the machine. */
const WARM_LIMIT_MS = 300_000;
const WARM_LOOK_MS = 200;

export interface FrozenTemplate extends AsyncDisposable {
  readonly name: string;
  readonly origin: Origin;
}

/** A snapshot of a sandbox that has answered once. */
export async function frozenTemplate({ roost, instance }: BenchGround): Promise<FrozenTemplate> {
  await using source = await roost.sandboxes.create(SHAPE);
  await source.exec("true");
  const name = `bench-${randomBytes(4).toString("hex")}`;
  const { id } = await roost.snapshots.create(source.id, { name });
  return {
    name,
    origin: await originOf(join(instance.dataFolder, "generations", id)),
    [Symbol.asyncDispose]: () => roost.snapshots.delete(name),
  };
}

/** Wanted since the ground's first sandbox was made; made in the background. */
async function warmBase({ instance }: BenchGround): Promise<FrozenTemplate> {
  const folder = join(instance.dataFolder, "warm-bases", SHAPE.template);
  for (let waited = 0; waited < WARM_LIMIT_MS; waited += WARM_LOOK_MS) {
    const names = await readdir(folder).catch(() => []);
    const base = names.find((name) => /-[0-9a-f]{16}$/.test(name));
    if (base !== undefined) {
      const origin = await originOf(join(folder, base));
      return { name: SHAPE.template, origin, async [Symbol.asyncDispose]() {} };
    }
    await pause(WARM_LOOK_MS);
  }
  throw new Error(`no warm base of ${SHAPE.template} was made\n${await instance.logs()}`);
}

function atOnce<T>(copies: number, work: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: copies }, (_, index) => work(index)));
}
