import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { pino } from "pino";
import type { RunningSandbox } from "../sandboxes/sandbox.ts";
import { type Subject, Upkeep, type UpkeepOptions } from "./upkeep.ts";

/** Time that passes when the test says so. */
class Bench {
  nowMs = 0;
  readonly renewed: string[] = [];
  readonly learned: string[] = [];
  readonly #waiting: { readonly untilMs: number; readonly go: () => void }[] = [];
  readonly upkeep: Upkeep;

  constructor(options: Partial<UpkeepOptions> = {}) {
    this.upkeep = new Upkeep({
      renew: async (folder) => this.renewed.push(folder) > 0,
      learn: async (id) => void this.learned.push(id),
      now: () => new Date(this.nowMs),
      logger: pino({ level: "silent" }),
      wait: (ms, signal) =>
        new Promise((resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason), { once: true });
          this.#waiting.push({ untilMs: this.nowMs + ms, go: resolve });
        }),
      ...options,
    });
  }

  async passes(seconds: number): Promise<void> {
    this.nowMs += seconds * 1000;
    for (const { untilMs, go } of this.#waiting) if (untilMs <= this.nowMs) go();
    for (let turn = 0; turn < 5; turn++) await setImmediate();
  }
}

const subject = (id: string, more: Partial<Subject> = {}): Subject => ({
  id,
  folder: async () => `/${id}`,
  asleep: true,
  ...more,
});
const woken = { wokenFrom: "/generation" } as RunningSandbox;

test("a generation is renewed once it has had some rest, and one after the other", async () => {
  const open: (() => void)[] = [];
  let atOnce = 0;
  const bench = new Bench({
    renew: async () => {
      assert.equal(++atOnce, 1, "one at a time");
      await new Promise<void>((resolve) => open.push(resolve));
      atOnce--;
      return true;
    },
  });
  for (const id of ["a", "b", "c"]) bench.upkeep.consider(subject(id));
  await bench.passes(4);
  assert.equal(open.length, 0);
  for (let done = 0; done < 3; done++) {
    await bench.passes(1);
    assert.equal(open.length, done + 1);
    open[done]?.();
  }
  await bench.upkeep[Symbol.asyncDispose]();
});

test("who leaves a sandbox alone is done with it: waiting, in the queue, or at work", async () => {
  const aborted: string[] = [];
  const bench = new Bench({
    renew: (folder, _, signal) =>
      new Promise((_resolve, reject) =>
        signal.addEventListener("abort", () => {
          aborted.push(folder);
          reject(signal.reason);
        }),
      ),
  });
  for (const id of ["working", "queued", "waiting"]) {
    bench.upkeep.consider(subject(id));
    if (id !== "waiting") await bench.passes(5);
  }
  for (const id of ["waiting", "queued", "working"]) await bench.upkeep.leave(id);
  await bench.passes(3600);
  assert.deepEqual(aborted, ["/working"]);
});

test("what is gone when its turn comes is passed over", async () => {
  const bench = new Bench();
  bench.upkeep.consider(subject("gone", { folder: async () => undefined }));
  bench.upkeep.consider(subject("there"));
  await bench.passes(5);
  assert.deepEqual(bench.renewed, ["/there"]);
});

test("what has failed is tried again, later each time, and keeps nobody else from their turn", async () => {
  let tries = 0;
  const bench = new Bench({
    renew: async (folder) => {
      if (folder === "/fine") return true;
      if (++tries < 3) throw new Error("no room");
      return true;
    },
  });
  bench.upkeep.consider(subject("failing"));
  await bench.passes(5);
  bench.upkeep.consider(subject("fine"));
  await bench.passes(29);
  assert.equal(tries, 1);
  await bench.passes(1);
  assert.equal(tries, 2);
  await bench.passes(59);
  assert.equal(tries, 2);
  await bench.passes(1);
  assert.equal(tries, 3);
  await bench.passes(7200);
  assert.equal(tries, 3);
});

test("what a wake uses is learned ten seconds after it, unless it is over before", async () => {
  const bench = new Bench();
  bench.upkeep.woken("stays", woken);
  bench.upkeep.woken("goes", woken);
  bench.upkeep.woken("booted", {} as RunningSandbox);
  await bench.passes(9);
  await bench.upkeep.leave("goes");
  assert.deepEqual(bench.learned, []);
  await bench.passes(1);
  assert.deepEqual(bench.learned, ["stays"]);
});

test("a wake of which nothing can be learned disturbs nobody", async () => {
  const bench = new Bench({ learn: () => Promise.reject(new Error("its keeper is gone")) });
  bench.upkeep.woken("a", woken);
  await bench.passes(10);
  await bench.upkeep.leave("a");
});

test("once it is closed nothing is begun any more", async () => {
  const bench = new Bench();
  bench.upkeep.consider(subject("before"));
  await bench.upkeep[Symbol.asyncDispose]();
  bench.upkeep.consider(subject("after"));
  await bench.passes(5);
  assert.deepEqual(bench.renewed, []);
});
