import assert from "node:assert/strict";
import { once } from "node:events";
import { suite, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { ConnectError } from "@connectrpc/connect";
import { TestAuthority } from "../identity/testing/authority.ts";
import { HOST_ID, rpcRig, SANDBOX_ID } from "./testing/rpc-rig.ts";

suite("H10: only the control plane commands a host", () => {
  test("its certificate is obeyed", async () => {
    await using rig = await rpcRig();
    assert.deepEqual((await rig.client.listSandboxes({})).sandboxes, []);
  });

  const strangers: [string, (authority: TestAuthority) => Promise<{ key?: string; certificate?: string }>][] = [
    ["no certificate", async () => ({})],
    [
      "another host's certificate",
      (ca) => ca.issue({ name: "CN=roost:host/host-x", purpose: "serverAuth", dnsName: "x" }),
    ],
    [
      "a host's certificate with the control plane's name",
      (ca) => ca.issue({ name: "CN=roost:control-plane", purpose: "serverAuth" }),
    ],
    [
      "a client's certificate with another name",
      (ca) => ca.issue({ name: "CN=roost:control-plane2", purpose: "clientAuth" }),
    ],
    [
      "a certificate that has run out",
      (ca) =>
        ca.issue({
          name: "CN=roost:control-plane",
          purpose: "clientAuth",
          notBefore: new Date(0),
          notAfter: new Date(1e12),
        }),
    ],
    [
      "another authority's certificate",
      async () => (await TestAuthority.create()).issue({ name: "CN=roost:control-plane", purpose: "clientAuth" }),
    ],
  ];
  for (const [who, credentials] of strangers) {
    test(`${who}: refused, logged, and no call reaches a sandbox`, async () => {
      await using rig = await rpcRig();
      const client = rig.clientWith(await credentials(rig.authority));
      await assert.rejects(client.exec({ sandboxId: SANDBOX_ID, cmd: "id" }), ConnectError);
      assert.equal(rig.sandboxes.execs.length, 0);
      assert.match(rig.log.join(""), /refused/);
      await rig.client.listSandboxes({});
    });
  }

  test("TLS 1.2 is refused", async () => {
    await using rig = await rpcRig();
    const control = await rig.authority.issue({ name: "CN=roost:control-plane", purpose: "clientAuth" });
    const client = rig.clientWith(control, { maxVersion: "TLSv1.2" });
    await assert.rejects(client.listSandboxes({}), ConnectError);
  });

  test("clear text is refused, and a flood of it fills no log", async () => {
    await using rig = await rpcRig();
    for (let index = 0; index < 20; index++) {
      const socket = (await import("node:net")).connect(rig.server.address.port, "127.0.0.1");
      socket.on("error", () => {});
      socket.end("GET / HTTP/1.1\r\n\r\n\u001b[2J");
      await once(socket.resume(), "close");
    }
    assert.equal(rig.log.filter((line) => line.includes("refused")).length, 1);
    assert.doesNotMatch(rig.log.join(""), /\\u001b|GET/);
  });

  test("it shows the certificate of its own id, also after a renewal", async () => {
    await using rig = await rpcRig();
    const serial = async (): Promise<string> => {
      const socket = connectTls({
        port: rig.server.address.port,
        host: "127.0.0.1",
        ca: rig.authority.pem,
        servername: `${HOST_ID}.roost.internal`,
        ALPNProtocols: ["h2"],
      });
      socket.on("error", () => {});
      await once(socket, "secureConnect");
      const { serialNumber } = socket.getPeerCertificate();
      socket.destroy();
      return serialNumber;
    };
    const before = await serial();
    const certificate = await rig.authority.signHost(HOST_ID, await rig.identity.key.certificateRequest());
    await rig.identity.save({ ...rig.identity.current, certificate });
    assert.notEqual(await serial(), before);
  });
});
