import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startTestControlPlane } from "../testing/control-plane.ts";

const plane = await startTestControlPlane();
after(() => plane[Symbol.asyncDispose]());
const { api, admin } = plane;

test("a number in a query is digits, a truth value is true or false, one of a list may stand alone", async () => {
  const statusOf = async (query: string) => (await api.get(`/v1/sandboxes?${query}`, { key: admin.key })).status;
  for (const good of [
    "limit=1",
    "limit=100",
    "status=running",
    "status=running&status=paused",
    "metadata.limit=true",
  ]) {
    assert.equal(await statusOf(good), 200, good);
  }
  for (const bad of [
    "limit=true",
    "limit=1e1",
    "limit=0x1",
    "limit=",
    "limit=1.5",
    "limit=1&limit=2",
    "limit=+1",
    "limit=101",
    "status=awake",
    "other=1",
  ]) {
    assert.equal(await statusOf(bad), 400, bad);
  }
  const overwrite = (value: string) =>
    api.post(`/v1/snapshots?overwrite=${value}`, { key: admin.key, json: { sandbox_id: "sb-aaaaaaaaaaaaaaaaaaaa" } });
  for (const good of ["true", "false"]) assert.equal((await overwrite(good)).status, 404, good);
  for (const bad of ["1", "yes", "TRUE", ""]) assert.equal((await overwrite(bad)).status, 400, bad);
});
