import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestControlPlane } from "../testing/control-plane.ts";
import { joinPeer } from "../testing/peer-host.ts";

test("smoke", async () => {
  await using plane = await startTestControlPlane();
  const { api, admin } = plane;
  await using peer = await joinPeer(api, admin.session);
  const made = await api.post("/v1/sandboxes", { key: admin.key, json: {} });
  console.log(made.body);
  assert.equal(made.status, 201);
  const ran = await api.post(`/v1/sandboxes/${made.body.id}/exec`, {
    key: admin.key,
    json: { cmd: "echo", args: ["hi"] },
  });
  console.log(ran.body);
  const form = new FormData();
  form.set("path", "/tmp/x");
  form.set("file", new Blob(["hello"]));
  const w = await api.post(`/v1/sandboxes/${made.body.id}/files/write`, { key: admin.key, body: form });
  console.log(w.status, w.body, peer.agent.files);
  const r = await api.post(`/v1/sandboxes/${made.body.id}/files/read`, { key: admin.key, json: { path: "/tmp/x" } });
  console.log(r.status, r.body);
  console.log((await api.get(`/v1/sandboxes/${made.body.id}/logs`, { key: admin.key })).body);
  console.log(await peer.heartbeat());
  console.log((await api.get(`/v1/sandboxes?status=running&metadata.a=b`, { key: admin.key })).body);
  console.log((await api.delete(`/v1/sandboxes/${made.body.id}`, { key: admin.key })).status, peer.agent.sandboxes);
  console.log((await api.delete(`/v1/hosts/${peer.id}`, { session: admin.session })).status);
  console.log(await peer.heartbeat());
});
