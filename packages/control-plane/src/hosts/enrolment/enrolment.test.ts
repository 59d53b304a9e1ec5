import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { after, test } from "node:test";
import { startTestControlPlane } from "../../testing/control-plane.ts";
import { certificateRequest, joinPeer, machineFacts } from "../../testing/peer-host.ts";
import { newKeys } from "../ca/certificates.ts";
import * as x509 from "../ca/x509.ts";

const plane = await startTestControlPlane();
after(() => plane[Symbol.asyncDispose]());
const { api, admin, db } = plane;

async function announce(): Promise<{ id: string; token: string }> {
  const { body } = await api.post("/v1/hosts", { session: admin.session, json: {} });
  return { id: body.host.id, token: body.registration_token };
}

async function joinBody(token: string) {
  const { csr } = await certificateRequest();
  return { token, csr, ...machineFacts("127.0.0.1:4701") };
}

async function hostStatus(id: string): Promise<string> {
  return (await api.get(`/v1/hosts/${id}`, { session: admin.session })).body.status;
}

test("H1: joining makes the host online, with what the machine said of itself", async () => {
  const { id, token } = await announce();
  const { status, body } = await api.post("/v1/hosts/register", { json: await joinBody(token) });
  assert.equal(status, 201);
  assert.deepEqual(
    [body.host.id, body.host.status, body.host.address, body.host.cpu_cores, body.host.memory_mb, body.host.disk_gb],
    [id, "online", "127.0.0.1:4701", 4, 8192, 100],
  );
  assert.deepEqual(body.host.vmm, { name: "peer", version: "1", accelerator: "none" });
  assert.equal(body.host.disk_driver, "qcow2");
});

test("H10: a host's certificate serves in its own name only: no client's, no authority's, whatever was requested", async () => {
  const { id, token } = await announce();
  const keys = await newKeys();
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: "CN=roost:control-plane",
    keys,
    signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
    extensions: [
      new x509.BasicConstraintsExtension(true, 3, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth], true),
      new x509.SubjectAlternativeNameExtension([{ type: "dns", value: "other.example.com" }]),
    ],
  });
  const json = { ...(await joinBody(token)), csr: request.toString("pem") };
  const { body } = await api.post("/v1/hosts/register", { json });
  const certificate = new X509Certificate(body.certificate);
  const authority = new X509Certificate(body.ca);
  assert.equal(certificate.subject, `CN=roost:host/${id}`);
  assert.equal(certificate.subjectAltName, `DNS:${id}.roost.internal`);
  assert.equal(certificate.ca, false);
  assert.deepEqual(certificate.keyUsage, ["1.3.6.1.5.5.7.3.1"], "serverAuth");
  assert.ok(certificate.verify(authority.publicKey));
  assert.ok(certificate.checkIssued(authority));
  assert.ok(authority.ca);
  assert.deepEqual(
    certificate.publicKey.export({ type: "spki", format: "der" }),
    Buffer.from(await crypto.subtle.exportKey("spki", keys.publicKey)),
  );
});

test("H1: a token lets one machine join, once, also when several try at the same moment", async () => {
  const { token } = await announce();
  const bodies = await Promise.all([1, 2, 3, 4].map(() => joinBody(token)));
  const answers = await Promise.all(bodies.map((json) => api.post("/v1/hosts/register", { json })));
  assert.deepEqual(answers.map((answer) => answer.status).toSorted(), [201, 401, 401, 401]);
});

test("H1: a token ends after an hour", async () => {
  const { id, token } = await announce();
  const lifetime = await db
    .selectFrom("host_tokens")
    .where("host_id", "=", id)
    .select(["created_at", "expires_at"])
    .executeTakeFirstOrThrow();
  assert.equal(lifetime.expires_at.getTime() - lifetime.created_at.getTime(), 3600_000);
  await db.updateTable("host_tokens").set({ expires_at: new Date() }).where("host_id", "=", id).execute();
  assert.equal((await api.post("/v1/hosts/register", { json: await joinBody(token) })).status, 401);
});

test("H1: whatever of a joining fails, the token is good afterwards", async (t) => {
  const { id, token } = await announce();
  const good = await joinBody(token);
  const foreign = (await certificateRequest()).csr.replaceAll("A", "B");
  const rsa = await crypto.subtle.generateKey(
    { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" },
    true,
    ["sign", "verify"],
  );
  const signingAlgorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  const rsaRequest = await x509.Pkcs10CertificateRequestGenerator.create({ name: "CN=x", keys: rsa, signingAlgorithm });
  const cases: [string, object, RegExp][] = [
    ["no request", { csr: undefined }, /csr is missing/],
    ["no certificate request", { csr: "nonsense" }, /csr must be a certificate request in PEM/],
    ["a request that was changed", { csr: foreign }, /csr must be/],
    ["a request with an RSA key", { csr: rsaRequest.toString("pem") }, /csr must be signed by its own key, an EC key/],
    ["no address", { address: "somewhere" }, /address must be an address and a port/],
    ["an address with a path", { address: "host:1/x" }, /address/],
    ["no memory", { memory_mb: 0 }, /memory_mb/],
    ["an unknown field", { gpu: true }, /gpu is not known/],
    ["NUL in a name", { disk_driver: "a\0" }, /disk_driver/],
  ];
  for (const [name, change, message] of cases) {
    await t.test(name, async () => {
      const answer = await api.post("/v1/hosts/register", { json: { ...good, ...change } });
      assert.equal(answer.status, 400);
      assert.match(answer.body.error.message, message);
      assert.equal(await hostStatus(id), "pending");
    });
  }
  assert.equal((await api.post("/v1/hosts/register", { json: good })).status, 201);
});

test("H1: a wrong token is 401, however wrong the rest is", async () => {
  for (const json of [
    {},
    { token: 1 },
    { token: "" },
    { token: `rsth_${"0".repeat(64)}` },
    { token: "\0", x: 1 },
    [],
  ]) {
    assert.equal((await api.post("/v1/hosts/register", { json })).status, 401, JSON.stringify(json));
  }
});

test("H1: tokens are kept as hashes only", async () => {
  await using peer = await joinPeer(api, admin.session);
  const dump = JSON.stringify([
    await db.selectFrom("host_tokens").selectAll().execute(),
    await db.selectFrom("host_refresh_tokens").selectAll().execute(),
    await db.selectFrom("hosts").selectAll().execute(),
  ]);
  for (const secret of [peer.registrationToken, peer.refreshToken, peer.token]) {
    assert.ok(!dump.includes(secret));
    assert.ok(!dump.includes(Buffer.from(secret).toString("hex")));
  }
});
