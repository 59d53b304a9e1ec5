import assert from "node:assert/strict";
import { createPrivateKey, randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { after, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { startTestControlPlane } from "../../testing/control-plane.ts";
import { certificateRequest, joinPeer } from "../../testing/peer-host.ts";
import { announced } from "../../testing/until.ts";
import { CertificateAuthority } from "../ca/authority.ts";
import { HostClients } from "./host-clients.ts";
import { asHostError } from "./host-errors.ts";

let clock = Date.now();
const now = () => new Date(clock);
const plane = await startTestControlPlane();
after(() => plane[Symbol.asyncDispose]());
const { api, admin, db, config } = plane;
const authority = await CertificateAuthority.open(db, config.secret, now);

async function list(clients: HostClients, target: { id: string; address: string }): Promise<string> {
  try {
    await (await clients.get(target)).listSandboxes({}, { timeoutMs: 20_000 });
    return "answered";
  } catch (error) {
    return asHostError(error).code;
  }
}

test("H10: the control plane reaches a host that shows its own certificate", async () => {
  using clients = new HostClients(authority);
  await using peer = await joinPeer(api, admin.session);
  assert.equal(await list(clients, peer), "answered");
});

test("H10: a host that shows another host's certificate is not spoken to", async () => {
  using clients = new HostClients(authority);
  await using peer = await joinPeer(api, admin.session);
  await using other = await joinPeer(api, admin.session);
  assert.notEqual(await list(clients, { id: other.id, address: peer.address }), "answered");
  assert.deepEqual(peer.agent.calls, []);
});

test("H10: a host whose certificate is of another authority is not spoken to", async () => {
  await using elsewhere = await startTestControlPlane();
  await using stranger = await joinPeer(elsewhere.api, elsewhere.admin.session);
  using clients = new HostClients(authority);
  assert.notEqual(await list(clients, stranger), "answered");
  assert.deepEqual(stranger.agent.calls, []);
});

test("H10: a host obeys the control plane only: not without a certificate, not another host's, not another authority's", async () => {
  await using peer = await joinPeer(api, admin.session);
  await using elsewhere = await startTestControlPlane();
  const foreign = await CertificateAuthority.open(elsewhere.db, elsewhere.config.secret, now);
  const { csr, keyPem } = await certificateRequest();
  const { certificatePem: foreignCert, keyPem: foreignKey } = await foreign.clientIdentity();
  const identities = [
    {},
    { cert: await authority.signHost("host-aaaaaaaaaaaaaaaaaaaa", csr), key: keyPem },
    { cert: foreignCert, key: foreignKey },
  ];
  const [host, port] = peer.address.split(":");
  for (const identity of identities) {
    const socket = connectTls({
      host,
      port: Number(port),
      servername: `${peer.id}.roost.internal`,
      ca: authority.certificatePem,
      ALPNProtocols: ["h2"],
      ...identity,
    });
    // Under TLS 1.3 a client learns of its refusal only after its own side of the handshake.
    const closed = new Promise<void>((resolve) => socket.on("close", resolve));
    socket.on("error", () => {});
    await closed;
  }
  assert.deepEqual(peer.agent.calls, []);
});

test("H4: one connection serves a host's calls, and is made anew when the host has moved", async () => {
  using clients = new HostClients(authority);
  await using first = await joinPeer(api, admin.session);
  assert.equal(await clients.get(first), await clients.get(first));
  const moved = { id: first.id, address: "127.0.0.1:1" };
  assert.notEqual(await clients.get(first), await clients.get(moved));
});

test("H4: a dropped client's calls end, and the next one is a new client", async () => {
  using clients = new HostClients(authority);
  await using peer = await joinPeer(api, admin.session);
  const client = await clients.get(peer);
  const asked = announced(peer.agent, "exec");
  const waiting = client.exec({ sandboxId: "sb-x", cmd: "hang" });
  peer.agent.before("exec", (context) => once(context.signal, "abort").then(() => {}));
  await asked;
  clients.drop(peer.id);
  await assert.rejects(waiting);
  assert.notEqual(await clients.get(peer), client);
  assert.equal(await list(clients, peer), "answered");
});

test("H10: the control plane renews its certificate at half of its life, and is still obeyed", async () => {
  using clients = new HostClients(authority);
  await using peer = await joinPeer(api, admin.session);
  const begun = clock;
  const identity = await authority.clientIdentity();
  const client = await clients.get(peer);
  clock = begun + 11 * 3600_000;
  assert.equal(await authority.clientIdentity(), identity);
  clock = begun + 13 * 3600_000;
  const renewed = await authority.clientIdentity();
  assert.notEqual(renewed, identity);
  assert.ok(createPrivateKey(renewed.keyPem));
  assert.notEqual(await clients.get(peer), client);
  clock = begun;
});

test("a host that is not there is told apart from one that fails", async () => {
  using clients = new HostClients(authority);
  const id = "host-aaaaaaaaaaaaaaaaaaaa";
  assert.equal(await list(clients, { id, address: "127.0.0.1:1" }), "host_unavailable");
});

test("a host that takes the connection and then says nothing is given up", async () => {
  const server = createServer(() => {}).listen(0, "127.0.0.1");
  await once(server, "listening");
  const connected = once(server, "connection");
  try {
    using clients = new HostClients(authority, [], 50);
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const client = await clients.get({ id: "host-aaaaaaaaaaaaaaaaaaaa", address });
    const calling = client.listSandboxes({});
    const [socket] = await connected;
    await assert.rejects(calling, (error) => asHostError(error).code === "host_unavailable");
    socket.destroy();
  } finally {
    server.close();
  }
});

test("two control planes that start at once on a fresh database share one authority", async () => {
  await using fresh = await startTestControlPlane();
  await fresh.db.deleteFrom("certificate_authority").execute();
  const secret = randomBytes(32);
  const opened = await Promise.all([1, 2, 3].map(() => CertificateAuthority.open(fresh.db, secret, now)));
  assert.equal(new Set(opened.map((one) => one.certificatePem)).size, 1);
});

test("the authority's key is not readable in the database, and another secret is told in one sentence", async () => {
  const row = await db.selectFrom("certificate_authority").selectAll().executeTakeFirstOrThrow();
  assert.throws(() => createPrivateKey({ key: row.encrypted_key, format: "der", type: "pkcs8" }));
  await assert.rejects(CertificateAuthority.open(db, randomBytes(32), now), /^Error: ROOST_SECRET is not the one/);
  const changed = Buffer.from(row.encrypted_key);
  changed.writeUInt8((changed.at(-1) ?? 0) ^ 1, changed.length - 1);
  await db.updateTable("certificate_authority").set({ encrypted_key: changed }).execute();
  await assert.rejects(CertificateAuthority.open(db, config.secret, now), /ROOST_SECRET/);
  await db.updateTable("certificate_authority").set({ encrypted_key: row.encrypted_key }).execute();
});
