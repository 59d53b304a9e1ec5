/**
 * Each process that takes part is killed after every step of every operation. The steps are what the operations say they are: a new one is
 * killed after, too.
 */
import { after, before, describe, test } from "node:test";
import { type HeldOperations, startHeldRoost } from "./held-operations.ts";
import { killRound, makeTemplate, OPERATIONS, stepsOf, VICTIMS } from "./kill-round.ts";

/** So many microVMs at a time, and one kill for all of them. */
const AT_ONCE = 8;

describe("a process that is killed after any step", () => {
  let held: HeldOperations;

  before(async () => {
    held = await startHeldRoost({ ROOST_HEARTBEAT_SEC: "2", ROOST_WARM_BASES: "off" });
    await makeTemplate(held);
  });

  after(async () => {
    await held?.[Symbol.asyncDispose]();
  });

  for (const operation of OPERATIONS) {
    test(`of ${operation}: all run or sleep with everything, and can be destroyed (S1, S2, S10)`, async (t) => {
      const steps = await stepsOf(held, operation);
      for (const victim of VICTIMS) {
        for (let first = 0; first < steps.length; first += AT_ONCE) {
          const some = steps.slice(first, first + AT_ONCE);
          await t.test(`${victim}, after ${some.join(", ")}`, () => killRound(held, operation, victim, some));
        }
      }
    });
  }
});
