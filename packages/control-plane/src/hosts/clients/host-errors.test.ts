import assert from "node:assert/strict";
import { test } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { RoostError, toConnectError } from "@roost/protocol/errors";
import { asHostError } from "./host-errors.ts";

test("errors about the request come through as the host meant them", () => {
  for (const code of ["invalid_request", "not_found", "not_running", "no_capacity", "disk_full"] as const) {
    const { code: mapped, message } = asHostError(toConnectError(new RoostError(code, "Because.")));
    assert.deepEqual([mapped, message], [code, "Because."]);
  }
});

test("a host's trouble with us, or with itself, is its failure, never the caller's", () => {
  for (const code of ["unauthorized", "forbidden", "internal", "host_deleted", "host_has_sandboxes"] as const) {
    assert.equal(asHostError(toConnectError(new RoostError(code, "x"))).code, "host_failed");
  }
  for (const code of [Code.Unknown, Code.Internal, Code.Unimplemented, Code.InvalidArgument, Code.ResourceExhausted]) {
    assert.equal(asHostError(new ConnectError("x", code)).code, "host_failed", Code[code]);
  }
});

test("a connection that breaks or times out is a host that is unavailable", () => {
  for (const code of [Code.Unavailable, Code.DeadlineExceeded, Code.Aborted, Code.Canceled]) {
    assert.equal(asHostError(new ConnectError("x", code)).code, "host_unavailable", Code[code]);
  }
});

test("N4: a host's words lose control characters and are cut short; a reason that is no code is not believed", () => {
  const { message } = asHostError(
    toConnectError(new RoostError("invalid_request", `\u001b[31m\n${"x".repeat(9999)}\ud800`)),
  );
  assert.match(message, /^ \[31m x{100,500}…$/);
  const forged = toConnectError(new RoostError("__proto__" as "internal", "x"));
  assert.equal(asHostError(forged).code, "host_failed");
});
