/** One command in one sandbox: through Roost, and straight to its guest agent. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Guest } from "../floor/guest.ts";
import { type BenchGround, milliseconds, SHAPE } from "../ground.ts";
import type { Scenario } from "../measure.ts";

export async function openExec({ roost, instance }: BenchGround): Promise<Scenario> {
  await using stack = new AsyncDisposableStack();
  const sandbox = stack.use(await roost.sandboxes.create(SHAPE));
  const record = join(instance.runFolder, instance.mark, sandbox.id, "sandbox.json");
  const { access_token: token } = JSON.parse(await readFile(record, "utf8")) as { access_token: string };
  const guest = stack.use(new Guest(sandbox.guestIp ?? "", token));
  const kept = stack.move();
  return {
    roost: async () => ({ exec: await milliseconds(() => sandbox.exec("true")) }),
    floor: async () => ({ exec: await milliseconds(() => guest.exec("true")) }),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
