import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { RoostError } from "@roost/protocol/errors";
import { answer, errorBody } from "./testing/control-plane.ts";
import { linkRig, until } from "./testing/link-rig.ts";

function fails(code: string, pattern: RegExp) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof RoostError, `a RoostError, not ${error}`);
    assert.equal(error.code, code);
    assert.match(error.message, pattern);
    assert.doesNotMatch(error.message, /\p{C}/u);
    return true;
  };
}

suite("H1: a host joins", () => {
  test("with a one-time token, its facts and a certificate request; and keeps what it gets", async () => {
    await using rig = await linkRig();
    const link = await rig.open();
    const { hostId, token, refreshToken } = link.identity.current;
    assert.deepEqual(
      { hostId, token, refreshToken },
      { hostId: rig.control.hostId, token: "jwt-1", refreshToken: "refresh-1" },
    );
    const body = rig.control.seen("register")[0]?.body;
    assert.match(body.csr, /BEGIN CERTIFICATE REQUEST/);
    assert.doesNotMatch(JSON.stringify(body), /PRIVATE KEY/);
    const { csr: _csr, ...facts } = body;
    assert.deepEqual(facts, {
      token: "join-1",
      address: "127.0.0.1:4701",
      arch: "x86_64",
      cpu_cores: 2,
      memory_mb: 4096,
      disk_gb: 50,
      vmm: { name: "qemu", version: "7.2", accelerator: "tcg" },
      disk_driver: "qcow2",
    });
    assert.doesNotMatch(rig.log.join(""), /join-1|jwt-1|refresh-1/);
  });

  test("once: the next start asks for nothing, whatever token it is given", async () => {
    await using rig = await linkRig();
    await rig.open();
    const link = await rig.open({ joinToken: "another" });
    assert.equal(link.identity.current.hostId, rig.control.hostId);
    assert.equal(rig.control.seen("register").length, 1);
  });

  test("without a token it says where to get one", async () => {
    await using rig = await linkRig();
    await assert.rejects(rig.open({ joinToken: undefined }), fails("unauthorized", /ROOST_HOST_TOKEN/));
  });

  test("a token that is refused is final, and told in one sentence", async () => {
    await using rig = await linkRig();
    await assert.rejects(rig.open({ joinToken: "wrong" }), fails("unauthorized", /wrong, used, or older/));
    assert.equal(rig.control.seen("register").length, 1);
  });

  test("another refusal is final too, in the control plane's words, made safe", async () => {
    await using rig = await linkRig();
    rig.control.override = (_request, response) => {
      answer(response, 400, errorBody("invalid_request", "arch must be x86_64\n\u001b[2J"));
      return true;
    };
    await assert.rejects(rig.open(), fails("invalid_request", /arch must be x86_64\\n/));
  });

  test("a control plane that does not answer yet is asked again, with growing pauses", async () => {
    await using rig = await linkRig();
    await rig.control.close();
    const opening = rig.open();
    const pauses: number[] = [];
    for (let attempt = 0; attempt < 7; attempt++) {
      await until(() => rig.clock.pending.length > 0);
      const [pause = 0] = rig.clock.pending;
      pauses.push(pause);
      if (attempt === 6) await rig.control.listen();
      rig.clock.advance(pause);
    }
    assert.deepEqual(pauses, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    assert.equal((await opening).identity.current.hostId, rig.control.hostId);
  });

  for (const status of [429, 500, 503]) {
    test(`status ${status} is no refusal: it is asked again`, async () => {
      await using rig = await linkRig();
      let first = true;
      rig.control.override = (_request, response) => {
        if (!first) return false;
        first = false;
        answer(response, status, errorBody("internal", "not now"));
        return true;
      };
      const opening = rig.open();
      await until(() => rig.clock.pending.length > 0);
      rig.clock.advance(1_000);
      await opening;
    });
  }

  test("the waiting ends with its signal", async () => {
    await using rig = await linkRig();
    await rig.control.close();
    const stop = new AbortController();
    const opening = rig.open({ signal: stop.signal });
    await until(() => rig.clock.pending.length > 0);
    const reason = new Error("SIGTERM");
    stop.abort(reason);
    await assert.rejects(opening, reason);
  });

  test("an identity that does not fit this host's key is not kept", async () => {
    await using rig = await linkRig();
    rig.control.override = (_request, response) => {
      void rig.control.authority
        .issue({ name: "CN=x", purpose: "serverAuth", dnsName: `${rig.control.hostId}.roost.internal` })
        .then(({ certificate }) =>
          answer(response, 201, {
            host: { id: rig.control.hostId },
            token: "t",
            refresh_token: "r",
            certificate,
            ca: rig.control.authority.pem,
          }),
        );
      return true;
    };
    await assert.rejects(rig.open(), fails("internal", /another key/));
    await assert.rejects(readFile(join(rig.folder, "identity.json")), { code: "ENOENT" });
  });

  test("an answer without end is not read to it", async () => {
    await using rig = await linkRig();
    const stop = new AbortController();
    rig.control.override = (_request, response) => {
      response.writeHead(201);
      const more = (): void => {
        while (response.write(Buffer.alloc(64 * 1024, " ")) && !response.destroyed);
      };
      response.on("drain", more);
      more();
      return true;
    };
    const opening = rig.open({ signal: stop.signal });
    await until(() => rig.clock.pending.length > 0);
    assert.match(rig.log.join(""), /larger than 262144 bytes/);
    stop.abort(new Error("enough"));
    await assert.rejects(opening, /enough/);
  });
});
