/**
 * Processes are killed in the middle of pause, resume and snapshot: those moments at which most is under way. All steps of all operations
 * are in kills.long.test.ts.
 */
import { after, before, describe, test } from "node:test";
import { type HeldOperations, startHeldRoost } from "./held-operations.ts";
import { killRound, makeTemplate } from "./kill-round.ts";

describe("a process that is killed in the middle of an operation", () => {
  let held: HeldOperations;

  before(async () => {
    held = await startHeldRoost({ ROOST_HEARTBEAT_SEC: "2", ROOST_WARM_BASES: "off" });
    await makeTemplate(held);
  });

  after(async () => {
    await held?.[Symbol.asyncDispose]();
  });

  for (const [victim, operation, steps] of [
    ["vmm", "pause", ["pause/save", "pause/seal"]],
    ["keeper", "resume", ["resume/thaw", "resume/init"]],
    ["agent", "snapshot", ["pause/seal", "keep snapshot/link", "resume/thaw"]],
  ] as const) {
    test(`${victim}, while they ${operation}: all run or sleep with everything, and can be destroyed (S1, S2, S10)`, () =>
      killRound(held, operation, victim, steps));
  }
});
