/** What eight idle copies of one template take of the machine's memory, beside what one takes. */
import type { Sandbox } from "@roost/sdk";
import { type BenchGround, SHAPE, vmmOf } from "../ground.ts";
import type { Scenario } from "../measure.ts";
import { value } from "../report/table.ts";
import { frozenTemplate } from "./create.ts";
import { type Shares, sharesOf } from "./guest-memory.ts";

const COPIES = 8;

/** @param note told what the VMMs take beside their guests' memory. */
export async function openCloneMemory(ground: BenchGround, note: (text: string) => void): Promise<Scenario> {
  const { roost, instance } = ground;
  const template = await frozenTemplate(ground);
  const copy = async (): Promise<Sandbox> => {
    const sandbox = await roost.sandboxes.create({ template: template.name });
    await sandbox.exec("true");
    return sandbox;
  };
  const measure = async (copies: number): Promise<Shares> => {
    const sandboxes = await Promise.all(Array.from({ length: copies }, copy));
    try {
      const all = await Promise.all(
        sandboxes.map(async ({ id }) => await sharesOf(await vmmOf(instance, id), SHAPE.memoryMb)),
      );
      return all.reduce((sum, { guest, own }) => ({ guest: sum.guest + guest, own: sum.own + own }));
    } finally {
      await Promise.all(sandboxes.map((sandbox) => sandbox.destroy()));
    }
  };
  let beside = 0;
  return {
    async roost() {
      const { guest, own } = await measure(COPIES);
      beside = own;
      return { "clone-memory": guest };
    },
    async floor() {
      const { guest, own } = await measure(1);
      note(`the VMMs' own memory beside it: ${value(beside)} MiB of ${COPIES}, ${value(own)} MiB of one`);
      return { "clone-memory": guest };
    },
    [Symbol.asyncDispose]: () => template[Symbol.asyncDispose](),
  };
}
