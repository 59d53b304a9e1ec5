import assert from "node:assert/strict";
import { after, test } from "node:test";
import { ERROR_CODES } from "@roost/protocol/errors";
import { Validator } from "@seriousme/openapi-schema-validator";
import { startTestControlPlane } from "../testing/control-plane.ts";

const plane = await startTestControlPlane();
after(() => plane[Symbol.asyncDispose]());
const { api } = plane;

// biome-ignore lint/suspicious/noExplicitAny: the document is looked into freely here.
const document = api.document as any;

interface Operation {
  readonly name: string;
  readonly method: string;
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  readonly operation: any;
}

const operations: Operation[] = Object.entries<object>(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, method, operation })),
);

test("A6: /openapi.json is a valid OpenAPI 3.1 document", async () => {
  const result = await new Validator().validate(structuredClone(document));
  assert.ok(result.valid, JSON.stringify(result.errors));
  assert.match(document.openapi, /^3\.1\./);
});

test("A6: the document has the routes of the contract", () => {
  const wanted = [
    "post /v1/auth/signup",
    "post /v1/auth/login",
    "post /v1/auth/switch",
    "post /v1/auth/password",
    "get /v1/me",
    "get /v1/limits",
    "get /v1/teams",
    "post /v1/teams",
    "get /v1/teams/{id}",
    "patch /v1/teams/{id}",
    "get /v1/teams/{id}/audit",
    "get /v1/teams/{id}/members",
    "patch /v1/teams/{id}/members/{user_id}",
    "delete /v1/teams/{id}/members/{user_id}",
    "post /v1/teams/{id}/invites",
    "get /v1/teams/{id}/invites",
    "delete /v1/teams/{id}/invites/{invite_id}",
    "post /v1/invites/accept",
    "post /v1/api-keys",
    "get /v1/api-keys",
    "delete /v1/api-keys/{id}",
    "post /v1/sandboxes",
    "get /v1/sandboxes",
    "get /v1/sandboxes/{id}",
    "delete /v1/sandboxes/{id}",
    "post /v1/sandboxes/{id}/pause",
    "post /v1/sandboxes/{id}/resume",
    "post /v1/sandboxes/{id}/ping",
    "post /v1/sandboxes/{id}/exec",
    "get /v1/sandboxes/{id}/exec/stream",
    "get /v1/sandboxes/{id}/pty",
    "get /v1/sandboxes/{id}/processes",
    "delete /v1/sandboxes/{id}/processes/{process}",
    "get /v1/sandboxes/{id}/files/watch",
    "post /v1/sandboxes/{id}/files/stream/write",
    "post /v1/sandboxes/{id}/files/stream/read",
    "post /v1/sandboxes/{id}/files/list",
    "post /v1/sandboxes/{id}/files/stat",
    "post /v1/sandboxes/{id}/files/mkdir",
    "post /v1/sandboxes/{id}/files/remove",
    "post /v1/sandboxes/{id}/files/move",
    "post /v1/sandboxes/{id}/files/write",
    "post /v1/sandboxes/{id}/files/read",
    "get /v1/sandboxes/{id}/logs",
    "post /v1/snapshots",
    "get /v1/snapshots",
    "delete /v1/snapshots/{name}",
    "post /v1/hosts",
    "get /v1/hosts",
    "get /v1/hosts/{id}",
    "delete /v1/hosts/{id}",
    "post /v1/hosts/{id}/token",
    "post /v1/hosts/register",
    "post /v1/hosts/auth/refresh",
    "post /v1/hosts/{id}/heartbeat",
    "get /healthz",
    "get /readyz",
  ];
  assert.deepEqual(operations.map(({ name }) => name).toSorted(), wanted.toSorted());
});

for (const { name, method, operation } of operations) {
  test(`A6: ${name} is described whole`, () => {
    assert.ok(operation.summary, "a summary");
    assert.equal(operation.tags?.length, 1, "a tag");
    for (const [status, response] of Object.entries<{ description: string; content?: object }>(operation.responses)) {
      assert.notEqual(response.description, "Default Response", `what ${status} means`);
      if (Number(status) < 400 || status === "503") continue;
      const media = (response.content as Record<string, { schema: { $ref: string } }>)["application/json"];
      assert.equal(media?.schema.$ref, "#/components/schemas/Error", status);
    }
    assert.ok(operation.responses[500]);
    if (operation.security?.length > 0) assert.ok(operation.responses[401]);
    if (operation.requestBody) assert.ok(operation.responses[400] && operation.responses[413]);
    if (method === "post" && operation.requestBody?.content["application/json"]) {
      const { schema } = operation.requestBody.content["application/json"];
      const defaults = Object.entries<{ default?: unknown }>(schema.properties).filter(
        ([, field]) => "default" in field,
      );
      for (const [field] of defaults) assert.ok(!(schema.required ?? []).includes(field), `${field} need not be sent`);
    }
  });
}

test("A6: the codes of the error table, and the enums of the contract, are in the document", () => {
  const { Error: error, Sandbox, Host } = document.components.schemas;
  assert.deepEqual(error.properties.error.properties.code.enum, Object.keys(ERROR_CODES));
  assert.deepEqual(
    Sandbox.properties.status.enum.toSorted(),
    "error missing paused pausing pending resuming running starting stopped stopping".split(" "),
  );
  assert.deepEqual(Host.properties.status.enum.toSorted(), "draining offline online pending unreachable".split(" "));
  assert.deepEqual(Host.properties.type.enum, ["regular", "byoc"]);
});

test("A6: an upload is described as a form with a file", () => {
  const { requestBody } = document.paths["/v1/sandboxes/{id}/files/write"].post;
  assert.deepEqual(Object.keys(requestBody.content), ["multipart/form-data"]);
  assert.deepEqual(requestBody.content["multipart/form-data"].schema.required, ["path", "file"]);
});
