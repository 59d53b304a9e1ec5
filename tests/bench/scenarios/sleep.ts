/** Resuming and pausing one and the same sandbox, over and over; by hand from the same generation, which it leaves as it was. */
import { FloorMachine } from "../floor/machine.ts";
import { type BenchGround, milliseconds, SHAPE, sandboxFolder } from "../ground.ts";
import type { Scenario } from "../measure.ts";
import type { RowId } from "../rows.ts";
import { newestOrigin } from "./origins.ts";

interface Use {
  readonly resume: RowId;
  readonly pause: RowId;
  /** What happens between the two, in the guest. */
  readonly command: readonly [string, ...string[]] | undefined;
}

/** Half of it is written to the other half's place each time, so that each pause has so many pages to write. */
const WRITE = "head -c 134217728 /dev/urandom > /dev/shm/used";

export const openSleep = (ground: BenchGround): Promise<Scenario> =>
  open(ground, { resume: "resume", pause: "pause", command: undefined });
export const openUsedSleep = (ground: BenchGround): Promise<Scenario> =>
  open(ground, { resume: "resume-used", pause: "pause-used", command: ["sh", "-c", WRITE] });

async function open({ roost, instance, floor, slots }: BenchGround, use: Use): Promise<Scenario> {
  await using stack = new AsyncDisposableStack();
  const sandbox = stack.use(await roost.sandboxes.create(SHAPE));
  const [command, ...args] = use.command ?? ["true"];
  await sandbox.exec(command, args);
  await sandbox.pause();
  const kept = stack.move();
  return {
    async roost() {
      const resumed = await milliseconds(async () => {
        await sandbox.resume();
        await sandbox.exec("true");
      });
      await sandbox.exec(command, args);
      return { [use.resume]: resumed, [use.pause]: await milliseconds(() => sandbox.pause()) };
    },
    async floor() {
      await using machines = new AsyncDisposableStack();
      const slot = machines.use(await slots.take());
      const origin = await newestOrigin(sandboxFolder(instance, sandbox));
      let machine: FloorMachine | undefined;
      const resumed = await milliseconds(async () => {
        machine = machines.use(await FloorMachine.start(floor, origin, slot));
        await machine.wake();
        await machine.guest.exec("true");
      });
      await machine?.guest.exec(command, args);
      return { [use.resume]: resumed, [use.pause]: await milliseconds(async () => machine?.freeze()) };
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
