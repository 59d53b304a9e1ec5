import assert from "node:assert/strict";
import { test } from "node:test";
import { runSteps, type Step, type StepEvent } from "./step.ts";

function step(name: string, after: readonly string[], run: () => Promise<void>, isDone = false): Step {
  return { name, after, byHand: `make ${name} by hand.`, isDone: async () => isDone, run };
}

function recorder() {
  const events: string[] = [];
  const onEvent = (event: StepEvent) => void events.push(`${event.kind} ${event.step}`);
  return { events, options: { onEvent, signal: new AbortController().signal, now: () => 0 } };
}

const nothing = async () => {};

test("a step starts when those it builds on are there, and not before", async () => {
  const { events, options } = recorder();
  await runSteps([step("one", [], nothing), step("two", ["one"], nothing)], options);
  assert.deepEqual(events, ["started one", "done one", "started two", "done two"]);
});

test("steps that do not build on each other run side by side", async () => {
  const both = Promise.withResolvers<void>();
  let running = 0;
  const meet = async () => {
    if (++running === 2) both.resolve();
    await both.promise;
  };
  await runSteps([step("left", [], meet), step("right", [], meet)], recorder().options);
});

test("what is there already is not made again", async () => {
  const { events, options } = recorder();
  const never = () => assert.fail("it was there");
  await runSteps([step("one", [], never, true), step("two", ["one"], nothing)], options);
  assert.deepEqual(events, ["present one", "started two", "done two"]);
});

test("a failed step stops only what builds on it, and the error says how to do it by hand", async () => {
  const { events, options } = recorder();
  const fails = async () => {
    throw new Error("no network");
  };
  const steps = [step("kernel", [], fails), step("initramfs", ["kernel"], nothing), step("image", [], nothing)];
  await assert.rejects(runSteps(steps, options), /kernel: no network\n {2}By hand: make kernel by hand\./);
  assert.ok(events.includes("skipped initramfs") && events.includes("done image"));
});

test("all that failed is named, not only the first", async () => {
  const fails = async () => {
    throw new Error("refused");
  };
  const steps = [step("one", [], fails), step("two", [], fails)];
  await assert.rejects(runSteps(steps, recorder().options), /one: refused.*two: refused/s);
});

test("an interruption ends the run with its own reason", async () => {
  const interruption = new AbortController();
  const reason = new Error("interrupted");
  const steps = [
    step("one", [], async () => {
      interruption.abort(reason);
      throw new Error("was cut short");
    }),
    step("two", ["one"], () => assert.fail("it must not begin")),
  ];
  await assert.rejects(runSteps(steps, { ...recorder().options, signal: interruption.signal }), reason);
});

test("a step that builds on an unknown one is a mistake in the program", async () => {
  await assert.rejects(runSteps([step("two", ["one"], nothing)], recorder().options), TypeError);
});
