/** Checks of how a client of a guest agent fails. */
import assert from "node:assert/strict";
import { RoostError } from "@roost/protocol/errors";

/** For `assert.rejects`: a RoostError of this code, in one printable line, with no cause that could carry the guest's bytes. */
export function fails(pattern: RegExp, code = "host_failed") {
  return (error: unknown): boolean => {
    assert.ok(error instanceof RoostError, `a RoostError, not ${error}`);
    assert.equal(error.code, code);
    assert.match(error.message, pattern);
    assert.doesNotMatch(error.message, /[\p{C}\p{Zl}\p{Zp}]/u);
    assert.equal(error.cause, undefined);
    return true;
  };
}
