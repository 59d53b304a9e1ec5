/**
 * Create and destroy are made to fail after every step; the machine must be as it was, and the next call must work. With the real
 * drivers, on real microVMs: it is the agent without its RPC service.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  createSandbox,
  destroySandbox,
  findCandidates,
  Ground,
  type Parts,
  reconcile,
} from "@roost/host-agent/testing";
import { takeLot } from "@roost/launcher/lot";
import { readSettings } from "@roost/launcher/settings";
import { newId } from "@roost/protocol/ids";
import { pino } from "pino";
import { machineState } from "../machine-state/machine-state.ts";
import { FailingSteps, PlantedFailure } from "./failing-steps.ts";

const NEVER = new AbortController().signal;
const EVERY_STEP = Number.POSITIVE_INFINITY;

describe("an operation that fails at any step", () => {
  const stack = new AsyncDisposableStack();
  let parts: Parts;
  let scope: Parameters<typeof machineState>[0];

  before(async () => {
    const lot = stack.use(await takeLot());
    const { cache: assets, checkout } = readSettings(process.env);
    const folder = await mkdtemp(join(checkout, ".roost", "faults-"));
    stack.defer(() => rm(folder, { recursive: true, force: true }));
    const mark = newId("host", randomBytes).slice(5, 9);
    const runFolder = lot.environment.ROOST_RUN;
    stack.defer(() => rm(runFolder, { recursive: true, force: true }));
    const candidates = await findCandidates(assets);
    const ground = await Ground.open({
      mark,
      assets,
      dataFolder: folder,
      memory: "mapped",
      runFolder,
      disk: "auto",
      slotCidr: lot.environment.ROOST_SLOT_CIDR,
      spareSlots: 0,
      vmmUidBase: Number(lot.environment.ROOST_VMM_UID_BASE),
      hostReserveMb: undefined,
      logger: pino({ level: "silent" }),
    });
    stack.defer(() => ground.teardown());
    parts = ground.partsWith(candidates.vmms.at(-1) ?? candidates.vmms[0]);
    scope = { mark, folders: [folder, runFolder] };
  });

  after(() => stack.disposeAsync());

  const spec = () => ({
    id: newId("sandbox", randomBytes),
    template: "minimal",
    vcpus: 1,
    memoryMb: 128,
    env: {},
    internet: true,
    timeoutSec: 0,
  });

  /** How many steps an operation has, by running it whole. */
  async function run(steps: FailingSteps, operation: (parts: Parts) => Promise<unknown>): Promise<string[]> {
    await operation({ ...parts, steps: () => steps });
    return steps.names;
  }

  test("create: nothing remains, and the next create works", async (t) => {
    const atRest = await machineState(scope);
    const whole = spec();
    const names = await run(new FailingSteps(EVERY_STEP), (with_) => createSandbox(with_, whole, new Date(), NEVER));
    await destroySandbox(parts, whole.id, undefined);
    assert.deepEqual(await machineState(scope), atRest);
    assert(names.length >= 9, names.join());
    for (const [step, name] of names.entries()) {
      await t.test(`after ${name}`, async () => {
        const operation = run(new FailingSteps(step), (with_) => createSandbox(with_, spec(), new Date(), NEVER));
        await assert.rejects(operation, PlantedFailure);
        assert.deepEqual(await machineState(scope), atRest);
        assert.equal(parts.admission.load().sandboxes, 0);
      });
    }
  });

  test("destroy: called again it completes, and nothing remains", async (t) => {
    const atRest = await machineState(scope);
    for (let step = 0; ; step++) {
      const sandbox = spec();
      const running = await createSandbox(parts, sandbox, new Date(), NEVER);
      const steps = new FailingSteps(step);
      const failed = await destroySandbox({ ...parts, steps: () => steps }, sandbox.id, running).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (failed === undefined) break;
      await t.test(`after ${steps.names.at(-1)}`, async () => {
        assert(failed instanceof PlantedFailure);
        await destroySandbox(parts, sandbox.id, running);
        assert.deepEqual(await machineState(scope), atRest);
      });
    }
  });

  test("an agent that died in the middle of a create removes what it left, when it starts", async (t) => {
    const atRest = await machineState(scope);
    const names = await run(new FailingSteps(EVERY_STEP), async (with_) => {
      const sandbox = spec();
      await createSandbox(with_, sandbox, new Date(), NEVER);
      await destroySandbox(parts, sandbox.id, undefined);
    });
    const made = names.indexOf("record");
    for (const [step, name] of names.entries()) {
      if (step < made || name === "keep") continue; // After "keep" the sandbox lives: tests/stories/lives.test.ts.
      await t.test(`after ${name}`, async () => {
        const sandbox = spec();
        const dying = new DyingSteps(step);
        void createSandbox({ ...parts, steps: () => dying }, sandbox, new Date(), NEVER);
        await dying.dead;
        parts.admission.release(sandbox.id);
        assert.deepEqual(await reconcile(parts), []);
        assert.deepEqual(await machineState(scope), atRest);
      });
    }
  });
});

/** Stops for ever after a step, as a process that is killed there does: nothing is undone. */
class DyingSteps extends FailingSteps {
  readonly dead: Promise<void>;
  readonly #resolve: () => void;

  constructor(dieAfter: number) {
    super(dieAfter);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.dead = promise;
    this.#resolve = resolve;
  }

  override async run<T>(name: string, step: () => Promise<T> | T): Promise<T> {
    try {
      return await super.run(name, step);
    } catch (error) {
      if (!(error instanceof PlantedFailure)) throw error;
      this.#resolve();
      return await new Promise(() => {});
    }
  }
}
