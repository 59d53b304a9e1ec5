import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startTestControlPlane } from "../testing/control-plane.ts";
import { teamWithHosts } from "../testing/team.ts";

const plane = await startTestControlPlane();
after(() => plane[Symbol.asyncDispose]());
const { api } = plane;

test("a sandbox's logs come as plain text: no control characters, no bytes that are no text", async () => {
  await using team = await teamWithHosts(plane);
  const id = await team.create();
  const { status, body } = await api.get(`/v1/sandboxes/${id}/logs`, { key: team.member.key });
  assert.equal(status, 200);
  assert.deepEqual(body, { console: "boot[31m red\n\tok \ufffd\n", vmm: "vmm says hi\n" });
});

test("only the end of the logs comes when that is asked for", async () => {
  await using team = await teamWithHosts(plane);
  const id = await team.create();
  const { body } = await api.get(`/v1/sandboxes/${id}/logs?limit_bytes=2`, { key: team.member.key });
  assert.equal(body.console, "\ufffd\n");
  assert.equal((await api.get(`/v1/sandboxes/${id}/logs?limit_bytes=0`, { key: team.member.key })).status, 400);
});

test("logs of a destroyed sandbox are gone with it, and another team's are 404", async () => {
  await using team = await teamWithHosts(plane);
  const stranger = await plane.newMember();
  const id = await team.create();
  assert.equal((await api.get(`/v1/sandboxes/${id}/logs`, { key: stranger.key })).status, 404);
  await api.delete(`/v1/sandboxes/${id}`, { key: team.member.key });
  assert.equal((await api.get(`/v1/sandboxes/${id}/logs`, { key: team.member.key })).body.error.code, "not_running");
});
