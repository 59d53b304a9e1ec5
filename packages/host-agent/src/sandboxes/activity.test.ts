import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Activity } from "./activity.ts";

interface World extends Disposable {
  readonly activity: Activity;
  readonly idle: () => number;
  readonly pass: (seconds: number) => void;
}

/** Its clock goes by hand. */
function world(t: TestContext, timeoutSec: number): World {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  let idle = 0;
  const activity = new Activity(
    timeoutSec,
    () => new Date(),
    () => {
      idle++;
    },
  );
  return {
    activity,
    idle: () => idle,
    pass: (seconds) => t.mock.timers.tick(seconds * 1000),
    [Symbol.dispose]: () => activity[Symbol.dispose](),
  };
}

test("S9: unused for its time-out it is idle, and is told so again while it stays so", (t) => {
  using w = world(t, 10);
  w.pass(9.9);
  assert.equal(w.idle(), 0);
  w.pass(0.2);
  assert.equal(w.idle(), 1);
  w.pass(10);
  assert.equal(w.idle(), 2);
});

test("S9: a touch begins the time anew", (t) => {
  using w = world(t, 10);
  w.pass(9);
  w.activity.touch();
  w.pass(9);
  assert.equal(w.idle(), 0);
  w.pass(2);
  assert.equal(w.idle(), 1);
});

test("S9: use that lasts counts for as long as it lasts, however silent; also two at a time", (t) => {
  using w = world(t, 10);
  const long = w.activity.begin();
  const short = w.activity.begin();
  w.pass(100);
  short[Symbol.dispose]();
  short[Symbol.dispose]();
  w.pass(100);
  assert.equal(w.idle(), 0);
  assert.equal(w.activity.lastActive.getTime(), Date.now());
  long[Symbol.dispose]();
  const ended = Date.now();
  w.pass(9);
  assert.equal(w.idle(), 0);
  assert.equal(w.activity.lastActive.getTime(), ended);
  w.pass(2);
  assert.equal(w.idle(), 1);
});

test("S9: with time-out 0 it is never idle", (t) => {
  using never = world(t, 0);
  never.pass(1e9);
  assert.equal(never.idle(), 0);
});

test("S9: nothing is told of one that has been let go", (t) => {
  const w = world(t, 10);
  w[Symbol.dispose]();
  w.pass(100);
  assert.equal(w.idle(), 0);
});
