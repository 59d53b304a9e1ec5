import assert from "node:assert/strict";
import { after, test } from "node:test";
import { RoostError } from "@roost/protocol/errors";
import { type Member, startTestControlPlane } from "../testing/control-plane.ts";
import { teamWithHosts } from "../testing/team.ts";
import { announced, until } from "../testing/until.ts";

const plane = await startTestControlPlane();
after(() => plane[Symbol.asyncDispose]());
const { api, db } = plane;

/** Rows of this team in the database, stopped ones included. */
async function rowsOf(member: Member) {
  return db.selectFrom("sandboxes").where("team_id", "=", member.teamId).selectAll().execute();
}

test("R1: a created sandbox is running, as asked for, on a host that has it", async () => {
  await using team = await teamWithHosts(plane, 1);
  const { member, peer } = team;
  const json = {
    template: "minimal",
    vcpus: 2,
    memory_mb: 256,
    timeout_sec: 60,
    metadata: { user: "ann", "a.b": "ü" },
    env: { COLOR: "red" },
    internet: false,
  };
  const made = await api.post("/v1/sandboxes", { key: member.key, json });
  assert.equal(made.status, 201);
  const { id, host_id, guest_ip, metadata, vcpus, memory_mb, timeout_sec, internet, status } = made.body;
  assert.deepEqual(
    { host_id, guest_ip, metadata, vcpus, memory_mb, timeout_sec, internet, status },
    {
      host_id: peer.id,
      guest_ip: "10.213.0.2",
      metadata: json.metadata,
      vcpus: 2,
      memory_mb: 256,
      timeout_sec: 60,
      internet: false,
      status: "running",
    },
  );
  const [asked] = peer.agent.creates;
  assert.equal(asked?.sandboxId, id);
  assert.deepEqual({ ...asked?.env }, { COLOR: "red" });
  assert.equal(asked?.internet, false);
  assert.deepEqual((await api.get(`/v1/sandboxes/${id}`, { key: member.key })).body, made.body);
});

test("R1: a create without a body takes the documented defaults", async () => {
  await using team = await teamWithHosts(plane, 1);
  const made = await api.post("/v1/sandboxes", { key: team.member.key });
  const { status, vcpus, memory_mb, timeout_sec, template, internet, metadata } = made.body;
  assert.deepEqual(
    { status, vcpus, memory_mb, timeout_sec, template, internet, metadata },
    {
      status: "running",
      vcpus: 1,
      memory_mb: 512,
      timeout_sec: 0,
      template: "minimal",
      internet: true,
      metadata: {},
    },
  );
});

test("bad input gets its documented error, and leaves nothing behind", async (t) => {
  await using team = await teamWithHosts(plane, 1);
  const { member, peer } = team;
  const cases: [string, unknown, number, RegExp][] = [
    ["unknown template", { template: "nope" }, 404, /no template “nope”/],
    ["template with a slash", { template: "../x" }, 400, /template/],
    ["0 vCPUs", { vcpus: 0 }, 400, /vcpus must be >= 1/],
    ["33 vCPUs", { vcpus: 33 }, 400, /vcpus must be <= 32/],
    ["half a vCPU", { vcpus: 1.5 }, 400, /vcpus must be integer/],
    ["text for vCPUs", { vcpus: "1" }, 400, /vcpus must be integer/],
    ["too little memory", { memory_mb: 127 }, 400, /memory_mb must be >= 128/],
    ["memory beyond any host", { memory_mb: 8193 }, 400, /memory_mb must be at most 8192/],
    ["memory beyond all reason", { memory_mb: 1e12 }, 400, /memory_mb/],
    ["negative time-out", { timeout_sec: -1 }, 400, /timeout_sec/],
    ["an unknown field", { memory: 512 }, 400, /memory is not known here/],
    ["NUL in metadata", { metadata: { a: "\0" } }, 400, /metadata\.a must be whole/],
    ["half a character in metadata", { metadata: { a: "\ud800" } }, 400, /metadata\.a must be whole/],
    ["NUL in a name of metadata", { metadata: { "\0": "a" } }, 400, /metadata/],
    ["a number in metadata", { metadata: { a: 1 } }, 400, /metadata\.a must be string/],
    ["= in a name of env", { env: { "A=B": "c" } }, 400, /env/],
    ["NUL in env", { env: { A: "\0" } }, 400, /env\.A/],
    ["a list", [], 400, /must be object/],
    ["null", null, 400, /must be object/],
  ];
  for (const [name, json, status, message] of cases) {
    await t.test(name, async () => {
      const answer = await api.post("/v1/sandboxes", { key: member.key, json });
      assert.equal(answer.status, status);
      assert.match(answer.body.error.message, message);
    });
  }
  assert.deepEqual(await rowsOf(member), []);
  assert.deepEqual(peer.agent.calls, []);
});

test("H5: sandboxes go to every host in turn", async () => {
  await using team = await teamWithHosts(plane, 3);
  for (let made = 0; made < 6; made++) await api.post("/v1/sandboxes", { key: team.member.key });
  assert.deepEqual(
    team.peers.map((peer) => peer.agent.sandboxes.size),
    [2, 2, 2],
  );
});

test("H5: a host that refuses for want of room is passed over for the next", async () => {
  await using team = await teamWithHosts(plane, 2);
  const [full, free] = team.peers;
  full?.agent.refuse("createSandbox", new RoostError("no_capacity", "No memory is left here."));
  for (let made = 0; made < 2; made++) {
    const answer = await api.post("/v1/sandboxes", { key: team.member.key });
    assert.equal(answer.body.host_id, free?.id);
  }
  assert.equal((await rowsOf(team.member)).length, 2);
});

test("R1: where every host refuses, 503 no_capacity says why, and no row stays", async () => {
  await using team = await teamWithHosts(plane, 2);
  for (const { agent } of team.peers) agent.refuse("createSandbox", new RoostError("no_capacity", "No slot is left."));
  const answer = await api.post("/v1/sandboxes", { key: team.member.key });
  assert.equal(answer.status, 503);
  assert.equal(answer.body.error.code, "no_capacity");
  assert.match(answer.body.error.message, /No slot is left/);
  assert.deepEqual(await rowsOf(team.member), []);
});

test("R1: memory that the hosts have but have given away is 503 no_capacity, and says how much is left", async () => {
  await using team = await teamWithHosts(plane, 1, 1024);
  const { member } = team;
  assert.equal((await api.post("/v1/sandboxes", { key: member.key, json: { memory_mb: 768 } })).status, 201);
  const answer = await api.post("/v1/sandboxes", { key: member.key, json: { memory_mb: 512 } });
  assert.equal(answer.status, 503);
  assert.match(answer.body.error.message, /512 MiB of memory free; the most that one has is 256 MiB/);
  assert.equal((await rowsOf(member)).length, 1);
});

test("R1: without any host, 503 no_capacity says so", async () => {
  const member = await plane.newMember();
  const answer = await api.post("/v1/sandboxes", { key: member.key });
  assert.deepEqual(answer.body.error, { code: "no_capacity", message: "No host is online." });
});

test("R1: a host that fails to boot it gives 502 with the reason, nothing stays, and the host was told to clean up", async () => {
  await using team = await teamWithHosts(plane, 1);
  const { member, peer } = team;
  peer.agent.after("createSandbox", () => {
    throw new RoostError("internal", "The guest did not\u001b[31m come up.");
  });
  const answer = await api.post("/v1/sandboxes", { key: member.key });
  assert.equal(answer.status, 502);
  assert.deepEqual(answer.body.error, {
    code: "host_failed",
    message: "The host failed: The guest did not [31m come up.",
  });
  assert.deepEqual(await rowsOf(member), []);
  assert.equal(peer.agent.sandboxes.size, 0);
});

test("R1: a host that goes silent in the middle of a create leaves a row that is stopping, with the reason", async () => {
  await using team = await teamWithHosts(plane, 1);
  const { member, peer } = team;
  peer.agent.after("createSandbox", () => peer.goSilent());
  const answer = await api.post("/v1/sandboxes", { key: member.key });
  assert.equal(answer.status, 502);
  const [row, ...others] = await rowsOf(member);
  assert.deepEqual(others, []);
  assert.equal(row?.status, "stopping");
  assert.match(row?.error ?? "", /No host made the sandbox/);
});

test("R1: a sandbox destroyed while it boots is destroyed, and its create says so", async () => {
  await using team = await teamWithHosts(plane, 1);
  const { member, peer } = team;
  const booting = Promise.withResolvers<void>();
  peer.agent.before("createSandbox", () => booting.promise);
  const asked = announced(peer.agent, "createSandbox");
  const creating = api.post("/v1/sandboxes", { key: member.key });
  await asked;
  const [row] = await rowsOf(member);
  assert.equal(row?.status, "starting");
  assert.equal((await api.delete(`/v1/sandboxes/${row?.id}`, { key: member.key })).status, 204);
  booting.resolve();
  const created = await creating;
  assert.equal(created.status, 409);
  assert.equal((await rowsOf(member))[0]?.status, "stopped");
  assert.equal(peer.agent.sandboxes.size, 0);
});

test("R1: a create whose caller hung up is carried through", async () => {
  await using team = await teamWithHosts(plane, 1);
  const { member, peer } = team;
  const booting = Promise.withResolvers<void>();
  peer.agent.before("createSandbox", () => booting.promise);
  const asked = announced(peer.agent, "createSandbox");
  const caller = new AbortController();
  const creating = api.post("/v1/sandboxes", { key: member.key, signal: caller.signal });
  await asked;
  caller.abort();
  await assert.rejects(creating, { name: "AbortError" });
  booting.resolve();
  const id = (await rowsOf(member))[0]?.id;
  // Nothing tells a caller who has gone that the create has ended: the row does.
  await until("the create has ended", async () => (await rowsOf(member))[0]?.status !== "starting");
  assert.equal((await api.get(`/v1/sandboxes/${id}`, { key: member.key })).body.status, "running");
});

test("R1: eight creates at once all run", async () => {
  await using team = await teamWithHosts(plane, 1);
  const json = { memory_mb: 128 };
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => api.post("/v1/sandboxes", { key: team.member.key, json })),
  );
  assert.deepEqual(
    answers.map((answer) => answer.status),
    Array(8).fill(201),
  );
  assert.equal(team.peer.agent.sandboxes.size, 8);
});
