import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { after, test } from "node:test";
import { startTestControlPlane } from "../../testing/control-plane.ts";
import { certificateRequest, joinPeer, type PeerHost } from "../../testing/peer-host.ts";

let clock = Date.now();
const plane = await startTestControlPlane({}, () => new Date(clock));
after(() => plane[Symbol.asyncDispose]());
const { api, admin, db } = plane;

interface Pair {
  readonly token: string;
  readonly refreshToken: string;
}

async function refresh(refreshToken: string): Promise<Pair | undefined> {
  const { status, body } = await api.post("/v1/hosts/auth/refresh", { json: { refresh_token: refreshToken } });
  if (status !== 200) {
    assert.deepEqual([status, body.error.code], [401, "unauthorized"]);
    return undefined;
  }
  return { token: body.token, refreshToken: body.refresh_token };
}

async function mustRefresh(refreshToken: string): Promise<Pair> {
  return (await refresh(refreshToken)) ?? assert.fail("the refresh was refused");
}

async function beat(peer: PeerHost, token: string): Promise<number> {
  const json = peer.agent.heartbeat();
  return (await api.post(`/v1/hosts/${peer.id}/heartbeat`, { host: token, json })).status;
}

async function statusOf(peer: PeerHost): Promise<string> {
  return (await api.get(`/v1/hosts/${peer.id}`, { session: admin.session })).body.status;
}

test("H3: a refresh gives a new pair that works", async () => {
  await using peer = await joinPeer(api, admin.session);
  const second = await mustRefresh(peer.refreshToken);
  assert.equal(await beat(peer, second.token), 204);
  const third = await mustRefresh(second.refreshToken);
  assert.equal(await beat(peer, third.token), 204);
});

test("H3: the old pair stays good until the new one is first used, by a heartbeat", async () => {
  await using peer = await joinPeer(api, admin.session);
  const second = await mustRefresh(peer.refreshToken);
  assert.equal(await beat(peer, peer.token), 204, "the old one, the new one unused");
  assert.equal(await beat(peer, second.token), 204);
  assert.equal(await beat(peer, peer.token), 401, "the old one, the new one used");
  assert.equal(await statusOf(peer), "online", "an old heartbeat is no theft: it may have been on its way");
});

test("H3: … or by a refresh", async () => {
  await using peer = await joinPeer(api, admin.session);
  const second = await mustRefresh(peer.refreshToken);
  await mustRefresh(second.refreshToken);
  assert.equal(await beat(peer, peer.token), 401);
});

test("H3: whoever lost the answer asks again with the old token, as often as needed, and the lost one is void", async () => {
  await using peer = await joinPeer(api, admin.session);
  const lost = await mustRefresh(peer.refreshToken);
  const lostToo = await mustRefresh(peer.refreshToken);
  const kept = await mustRefresh(peer.refreshToken);
  assert.equal(await refresh(lost.refreshToken), undefined);
  assert.equal(await beat(peer, lostToo.token), 401);
  assert.equal(await beat(peer, kept.token), 204);
  assert.equal(await statusOf(peer), "online");
});

test("H3: many refreshes at the same moment leave exactly one successor, and lock nobody out", async () => {
  await using peer = await joinPeer(api, admin.session);
  const pairs = await Promise.all([1, 2, 3, 4, 5].map(() => mustRefresh(peer.refreshToken)));
  const beats = [];
  for (const pair of pairs) beats.push(await beat(peer, pair.token));
  assert.deepEqual(beats.toSorted(), [204, 401, 401, 401, 401]);
});

test("H3: a superseded token that is used again is a stolen one: the whole chain is revoked, the host offline", async () => {
  await using peer = await joinPeer(api, admin.session);
  const second = await mustRefresh(peer.refreshToken);
  assert.equal(await beat(peer, second.token), 204);
  assert.equal(await refresh(peer.refreshToken), undefined);
  assert.equal(await statusOf(peer), "offline");
  assert.equal(await beat(peer, second.token), 401);
  assert.equal(await refresh(second.refreshToken), undefined);
  assert.equal(await statusOf(peer), "offline");
  assert.match(plane.log(), new RegExp(`"level":"error".*"host_id":"${peer.id}".*locked out`));
});

test("H3: a thief who is faster is noticed by the host's own refresh", async () => {
  await using peer = await joinPeer(api, admin.session);
  const thief = await mustRefresh(peer.refreshToken);
  await mustRefresh(thief.refreshToken);
  assert.equal(
    await refresh(peer.refreshToken),
    undefined,
    "the host's own token is superseded by what the thief used",
  );
  assert.equal(await statusOf(peer), "offline");
});

test("H3: wrong and expired tokens are 401 and change nothing", async () => {
  await using peer = await joinPeer(api, admin.session);
  for (const json of [
    {},
    { refresh_token: "" },
    { refresh_token: 1 },
    { refresh_token: `rstr_${"0".repeat(64)}` },
    [],
  ]) {
    assert.equal((await api.post("/v1/hosts/auth/refresh", { json })).status, 401);
  }
  const expires_at = new Date(Date.now() - 1000);
  await db.updateTable("host_refresh_tokens").set({ expires_at }).where("host_id", "=", peer.id).execute();
  assert.equal(await refresh(peer.refreshToken), undefined);
  assert.equal(await statusOf(peer), "online");
});

test("H1: a refresh token lasts sixty days, a host's token seven", async () => {
  await using peer = await joinPeer(api, admin.session);
  const row = await db
    .selectFrom("host_refresh_tokens")
    .where("host_id", "=", peer.id)
    .select(["created_at", "expires_at"])
    .executeTakeFirstOrThrow();
  assert.equal(row.expires_at.getTime() - row.created_at.getTime(), 60 * 24 * 3600_000);
  const begun = clock;
  clock = begun + 7 * 24 * 3600_000 - 60_000;
  assert.equal(await beat(peer, peer.token), 204);
  clock = begun + 7 * 24 * 3600_000 + 60_000;
  assert.equal(await beat(peer, peer.token), 401);
  clock = begun;
});

test("H10: a certificate request with a refresh gets a new certificate for the same host; a bad one spends nothing", async () => {
  await using peer = await joinPeer(api, admin.session);
  const bad = { refresh_token: peer.refreshToken, csr: "nonsense" };
  assert.equal((await api.post("/v1/hosts/auth/refresh", { json: bad })).status, 400);
  const { csr } = await certificateRequest();
  const good = { refresh_token: peer.refreshToken, csr };
  const { status, body } = await api.post("/v1/hosts/auth/refresh", { json: good });
  assert.equal(status, 200);
  assert.equal(new X509Certificate(body.certificate).subject, `CN=roost:host/${peer.id}`);
  assert.equal(body.ca, peer.ca);
});
