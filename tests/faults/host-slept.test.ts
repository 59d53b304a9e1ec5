/**
 * A machine cannot be put to sleep in a test. What that is for a running guest is a clock that the host's has left behind; what the agent
 * sees of it is that the time has gone on further than it was awake: so the agent's clock is made to jump, and all else is real.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createSandbox, destroySandbox, Sandboxes } from "@roost/host-agent/testing";
import { until } from "../stories/until.ts";
import { openFaultsGround, smallSpec } from "./faults-ground.ts";
import { type Guest, sh } from "./guest-shell.ts";

const NEVER = new AbortController().signal;
const HOUR_MS = 3_600_000;

test("after its host slept, a running guest's clock is right again (S2)", async () => {
  await using ground = await openFaultsGround();
  const { parts } = ground;
  const { id, ...rest } = smallSpec();
  await using stack = new AsyncDisposableStack();
  const running = await createSandbox(parts, { id, ...rest }, new Date(), NEVER);
  stack.defer(() => destroySandbox(parts, id, undefined));
  running.machine[Symbol.dispose](); // As an agent that ends lets go of it.
  parts.admission.release(id);
  let slept = 0;
  const now = (): Date => new Date(Date.now() + slept);
  await using sandboxes = await Sandboxes.open({ ...parts, now }, () => {});
  const guest: Guest = { envd: { exec: (request, signal) => sandboxes.exec(id, request, signal) } };
  await sh(guest, "setsid sleep 1000 > /dev/null 2>&1 < /dev/null & echo $! > /dev/shm/pid");
  slept = HOUR_MS;
  await until("it has the host's time", async () => {
    const before = now().getTime();
    const told = Number(await sh(guest, "date +%s%3N"));
    return told >= before - 1_000 && told <= now().getTime() + 1_000 ? true : undefined;
  });
  await sh(guest, "kill -0 $(cat /dev/shm/pid)");
  const { state } = await sandboxes.pause(id);
  assert.equal(state, "paused");
});
