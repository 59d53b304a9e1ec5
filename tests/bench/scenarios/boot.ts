/** A machine that boots its kernel, up to the first command's answer. */
import { FloorMachine } from "../floor/machine.ts";
import { type BenchGround, milliseconds, SHAPE } from "../ground.ts";
import type { Scenario } from "../measure.ts";

export async function openBoot({ roost, slots, floor }: BenchGround): Promise<Scenario> {
  const origin = { memoryMb: SHAPE.memoryMb, generation: undefined, disk: [floor.base] };
  return {
    async roost() {
      await using stack = new AsyncDisposableStack();
      const boot = await milliseconds(async () => {
        const sandbox = stack.use(await roost.sandboxes.create(SHAPE));
        await sandbox.exec("true");
      });
      return { boot };
    },
    async floor() {
      await using stack = new AsyncDisposableStack();
      const slot = stack.use(await slots.take());
      const boot = await milliseconds(async () => {
        const machine = stack.use(await FloorMachine.start(floor, origin, slot));
        await machine.boot();
        await machine.guest.exec("true");
      });
      return { boot };
    },
    async [Symbol.asyncDispose]() {},
  };
}
