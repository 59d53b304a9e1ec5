/** How a call ends that a hostile guest has a say in. */
import assert from "node:assert/strict";
import { RoostApiError, type RoostErrorCode } from "@roost/sdk";
import { UNPRINTABLE } from "./log-lines.ts";

/** More than any sentence of ours with 200 quoted characters of the guest's. */
const LONGEST_MESSAGE = 400;

/** That it fails with this code, in one short printable line that says this. */
export async function refused(call: Promise<unknown>, code: RoostErrorCode, says: RegExp): Promise<void> {
  const error = await call.then(
    () => assert.fail("a hostile answer was taken for a good one"),
    (reason: unknown) => reason,
  );
  assert(error instanceof RoostApiError, String(error));
  assert.match(error.message, says);
  assert.equal(error.code, code);
  assert.doesNotMatch(error.message, UNPRINTABLE);
  assert(error.message.length <= LONGEST_MESSAGE, `a message of ${error.message.length} characters`);
}
