import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { RoostError } from "@roost/protocol/errors";
import { pino } from "pino";
import { layShelf } from "./testing/shelf-ground.ts";
import type { Order } from "./warm-base.ts";
import { Warmer } from "./warmer.ts";

const NEVER = new AbortController().signal;
const SHAPE = { vcpus: 1, memoryMb: 128 };

/** Each making waits until the test lets it succeed or fail. */
async function warming() {
  await using stack = new AsyncDisposableStack();
  const ground = stack.use(await layShelf("minimal", "other"));
  const begun: (Order & { signal: AbortSignal; done: PromiseWithResolvers<void> })[] = [];
  const clock = { nowMs: 0 };
  const fault = { of: undefined as string | undefined };
  const warmer = new Warmer({
    shelf: ground.shelf,
    warm: async (order, signal) => {
      const done = Promise.withResolvers<void>();
      signal.addEventListener("abort", () => done.reject(signal.reason));
      begun.push({ ...order, signal, done });
      await done.promise;
      await ground.put(order.image, order.shape);
    },
    faultOf: async () => fault.of,
    now: () => new Date(clock.nowMs),
    afterAnswerMs: 0,
    logger: pino({ level: "silent" }),
  });
  stack.use(warmer);
  /** The nth that was begun, once it is. */
  const nth = async (n: number) => {
    for (;;) {
      const one = begun[n];
      if (one) return one;
      await setImmediate();
    }
  };
  const there = async (image: string, shape = SHAPE): Promise<void> => {
    while (!(await ground.shelf.find(image, shape))) await setImmediate();
  };
  const kept = stack.move();
  return { ...{ warmer, begun, clock, fault, nth, there, ground }, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** Long enough for whatever is going to be begun to be begun. */
async function aWhile(): Promise<void> {
  for (let turn = 0; turn < 200; turn++) await setImmediate();
}

test("one is made of a kind, and one at a time, whoever wants them how often", async () => {
  await using it = await warming();
  for (let times = 0; times < 3; times++) {
    it.warmer.want("minimal", SHAPE);
    it.warmer.want("other", SHAPE);
  }
  const first = await it.nth(0);
  it.warmer.want("minimal", SHAPE);
  await aWhile();
  assert.deepEqual(
    it.begun.map(({ image }) => image),
    ["minimal"],
  );
  first.done.resolve();
  (await it.nth(1)).done.resolve();
  await it.there("other");
  it.warmer.want("minimal", SHAPE); // By a create that had begun before it was there.
  await aWhile();
  assert.deepEqual(
    it.begun.map(({ image }) => image),
    ["minimal", "other"],
  );
});

test("what failed is not tried again at once, the others are; later it is", async () => {
  await using it = await warming();
  it.warmer.want("minimal", SHAPE);
  (await it.nth(0)).done.reject(new RoostError("disk_full", "The disk of this host is full."));
  await aWhile();
  it.warmer.want("minimal", SHAPE);
  it.warmer.want("other", SHAPE);
  (await it.nth(1)).done.resolve();
  await it.there("other");
  assert.deepEqual(
    it.begun.map(({ image }) => image),
    ["minimal", "other"],
  );
  it.clock.nowMs += 30_000;
  it.warmer.want("minimal", SHAPE);
  (await it.nth(2)).done.resolve();
  await it.there("minimal");
});

test("one that is being made ends when a sandbox needs the room, and when the agent stops", async () => {
  await using it = await warming();
  it.warmer.want("minimal", SHAPE);
  it.warmer.want("other", SHAPE);
  const first = await it.nth(0);
  first.shape.giveWay?.();
  assert.equal(first.signal.reason.code, "no_capacity");
  const second = await it.nth(1);
  await it.warmer[Symbol.asyncDispose]();
  assert.equal(second.signal.aborted, true);
  it.warmer.want("minimal", { vcpus: 2, memoryMb: 128 });
  await aWhile();
  assert.equal(it.begun.length, 2);
});

test("one that is damaged is not found, and removed", async () => {
  await using it = await warming();
  await it.ground.put("minimal", SHAPE);
  assert((await it.warmer.find("minimal", SHAPE, NEVER)) !== undefined);
  it.fault.of = "memory/….layer is not what was written";
  assert.equal(await it.warmer.find("minimal", SHAPE, NEVER), undefined);
  assert.equal(await it.ground.shelf.find("minimal", SHAPE), undefined);
});

test("one from which no sandbox could be made is removed, and not made again at once", async () => {
  await using it = await warming();
  await it.ground.put("minimal", SHAPE);
  const base = await it.warmer.find("minimal", SHAPE, NEVER);
  assert(base);
  await it.warmer.giveUp(base, new Error("It did not wake."));
  assert.equal(await it.ground.shelf.find("minimal", SHAPE), undefined);
  it.warmer.want("minimal", SHAPE);
  await aWhile();
  assert.equal(it.begun.length, 0);
});

test("no more than eight wait", async () => {
  await using it = await warming();
  for (let vcpus = 1; vcpus <= 12; vcpus++) it.warmer.want("minimal", { vcpus, memoryMb: 128 });
  (await it.nth(0)).done.resolve();
  await it.nth(1);
  it.warmer.want("other", SHAPE); // One was made: there is room for another.
  for (let n = 1; n < 8; n++) (await it.nth(n)).done.resolve();
  assert.equal((await it.nth(8)).image, "other");
});
