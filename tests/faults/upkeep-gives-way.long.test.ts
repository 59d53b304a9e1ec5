/**
 * A sandbox whose generation is being renewed is resumed, or destroyed: the upkeep gives way, at whatever step it is, and what was asked for
 * is done. With the agent's own upkeep, on a real microVM.
 */
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Parts, readManifest, Sandboxes, type Steps } from "@roost/host-agent/testing";
import { machineState } from "../machine-state/machine-state.ts";
import { type FaultsGround, openFaultsGround, smallSpec } from "./faults-ground.ts";

const NEVER = new AbortController().signal;
const RENEWAL_LIMIT_MS = 120_000;

describe("upkeep under way", () => {
  let ground: FaultsGround;
  let sandboxes: Sandboxes;
  /** After which step of a renewal something is done, and what. */
  let plan: { readonly step: string; readonly act: () => void } | undefined;
  const spec = smallSpec();
  let generation: string;
  let atRest: string[];

  before(async () => {
    ground = await openFaultsGround();
    const parts: Parts = {
      ...ground.parts,
      steps: (operation, logger) => (operation === "renew" ? watched() : ground.parts.steps(operation, logger)),
    };
    atRest = await machineState(ground.scope);
    sandboxes = await Sandboxes.open(parts, () => {});
    await sandboxes.create(spec, NEVER);
    for (let pause = 1; pause <= 5; pause++) {
      await sandboxes.pause(spec.id);
      if (pause < 5) await sandboxes.resume(spec.id, "memory", NEVER);
    }
    generation = join(parts.roots.data, spec.id, "generations", "5");
  });

  after(async () => {
    await sandboxes?.[Symbol.asyncDispose]();
    await ground?.[Symbol.asyncDispose]();
  });

  function watched(): Steps & Disposable {
    return {
      run: async (name, step) => {
        const result = await step();
        if (name === plan?.step) plan.act();
        return result;
      },
      [Symbol.dispose]: () => {},
    };
  }

  /** What `act` answers, begun after that step of the next renewal. */
  async function during<T>(step: string, act: () => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const timer = setTimeout(() => reject(new Error("nothing was renewed")), RENEWAL_LIMIT_MS);
    plan = {
      step,
      act: () => {
        plan = undefined;
        act().then(resolve, reject);
      },
    };
    return await promise.finally(() => clearTimeout(timer));
  }

  const layers = async (folder: string): Promise<number> => (await readManifest(folder)).disk.layers;
  const namesBeside = (): Promise<string[]> => readdir(join(generation, ".."));

  test("a resume in the middle wakes the sandbox from the old generation", async () => {
    const long = await layers(generation);
    assert(long > 4);
    const woken = await during("disk", () => sandboxes.resume(spec.id, "memory", NEVER));
    assert.equal(woken.state, "running");
    assert.equal(await layers(generation), long);
    assert.deepEqual(await namesBeside(), ["5"]);
    assert.equal((await sandboxes.exec(spec.id, trueCommand(), NEVER)).exitCode, 0);
  });

  test("a pause waits for none, and one that is done meanwhile is below what it freezes", async () => {
    await during("exchange", async () => {});
    assert((await layers(generation)) <= 4, "merged while it runs");
    await sandboxes.pause(spec.id);
    const newest = join(generation, "..", "6");
    assert((await layers(newest)) <= 5);
    await sandboxes.resume(spec.id, "memory", NEVER);
    assert.equal((await sandboxes.exec(spec.id, trueCommand(), NEVER)).exitCode, 0);
  });

  test("a destroy in the middle leaves nothing", async () => {
    for (let pause = 0; pause < 3; pause++) {
      await sandboxes.pause(spec.id);
      if (pause < 2) await sandboxes.resume(spec.id, "memory", NEVER);
    }
    await during("disk", () => sandboxes.destroy(spec.id));
    assert.deepEqual(await machineState(ground.scope), atRest);
  });
});

function trueCommand() {
  const limits = { stdin: Buffer.alloc(0), timeoutMs: 60_000, outputLimitBytes: 1024 };
  return { cmd: "true", args: [], env: {}, cwd: "", user: "root", ...limits };
}
