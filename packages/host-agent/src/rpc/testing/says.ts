/** Checks of what a call failed with. */
import assert from "node:assert/strict";
import { Code, ConnectError } from "@connectrpc/connect";

/** For `assert.rejects`: a ConnectError of this code, whose message fits. */
export function says(code: Code, pattern = /./) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof ConnectError, `a ConnectError, not ${error}`);
    assert.equal(Code[error.code], Code[code], error.message);
    assert.match(error.rawMessage, pattern);
    return true;
  };
}
