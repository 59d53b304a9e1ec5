import assert from "node:assert/strict";
import { test } from "node:test";
import { route } from "./route.ts";

test("an id stays one segment of its path, whatever it holds", () => {
  assert.equal(route`/v1/sandboxes/${"sb-a"}/exec`, "/v1/sandboxes/sb-a/exec");
  assert.equal(route`/v1/sandboxes/${"a/b?c#d"}/exec`, "/v1/sandboxes/a%2Fb%3Fc%23d/exec");
  assert.equal(route`/v1/hosts`, "/v1/hosts");
});

test("an id that would make the path another one is refused", () => {
  for (const id of ["", ".", ".."]) assert.throws(() => route`/v1/sandboxes/${id}`, TypeError);
});
