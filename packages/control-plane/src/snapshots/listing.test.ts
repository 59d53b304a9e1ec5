import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startTestControlPlane } from "../testing/control-plane.ts";
import { teamWithHosts } from "../testing/team.ts";

const plane = await startTestControlPlane();
after(() => plane[Symbol.asyncDispose]());
const { api } = plane;

test("S6: base images and snapshots are listed, newest first, by type, page by page", async () => {
  await using team = await teamWithHosts(plane);
  const { key } = team.member;
  const id = await team.create();
  for (const name of ["one", "two", "three"]) {
    assert.equal((await api.post("/v1/snapshots", { key, json: { sandbox_id: id, name } })).status, 201);
  }
  const names = async (query: string) => {
    const { status, body } = await api.get(`/v1/snapshots${query}`, { key });
    assert.equal(status, 200);
    return body.map((template: { name: string }) => template.name);
  };
  assert.deepEqual(await names(""), ["three", "two", "one", "minimal"]);
  assert.deepEqual(await names("?type=snapshot"), ["three", "two", "one"]);
  assert.deepEqual(await names("?type=base"), ["minimal"]);
  const [base] = (await api.get("/v1/snapshots?type=base", { key })).body;
  const { type, team_id, vcpus, memory_mb } = base;
  assert.deepEqual({ type, team_id, vcpus, memory_mb }, { type: "base", team_id: null, vcpus: null, memory_mb: null });

  const first = await api.get("/v1/snapshots?limit=3", { key });
  const next = /<([^>]+)>; rel="next"/.exec(first.headers.get("link") ?? "")?.[1] ?? assert.fail("a next page");
  const second = await api.get(next, { key });
  assert.deepEqual(
    second.body.map((template: { name: string }) => template.name),
    ["minimal"],
  );
  assert.equal(second.headers.get("link"), null);
  for (const bad of ["?type=image", "?limit=0", "?sort=name"]) {
    assert.equal((await api.get(`/v1/snapshots${bad}`, { key })).status, 400, bad);
  }
});

test("A2: another team's snapshots are neither listed nor made from nor deleted; its names are free", async () => {
  await using owner = await teamWithHosts(plane);
  await using other = await teamWithHosts(plane);
  const { key } = other.member;
  const json = { sandbox_id: await owner.create(), name: "secret" };
  assert.equal((await api.post("/v1/snapshots", { key: owner.member.key, json })).status, 201);
  assert.deepEqual((await api.get("/v1/snapshots?type=snapshot", { key })).body, []);
  assert.equal((await api.post("/v1/sandboxes", { key, json: { template: "secret" } })).status, 404);
  assert.equal((await api.delete("/v1/snapshots/secret", { key })).status, 404);
  assert.equal((await api.post("/v1/snapshots", { key, json })).status, 404, "nor of another team's sandbox");
  const mine = { sandbox_id: await other.create(), name: "secret" };
  assert.equal((await api.post("/v1/snapshots?overwrite=true", { key, json: mine })).status, 201);
  assert.equal((await api.delete("/v1/snapshots/secret", { key })).status, 204);
  assert.equal((await api.get("/v1/snapshots?type=snapshot", { key: owner.member.key })).body.length, 1);
});
