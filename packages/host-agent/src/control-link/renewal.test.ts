import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { certificateValidity } from "../identity/host-identity.ts";
import { answer, errorBody } from "./testing/control-plane.ts";
import { linkRig, until } from "./testing/link-rig.ts";

suite("H2, H3: renewal", () => {
  for (const status of [401, 403]) {
    test(`on ${status} it renews, once, and sends the heartbeat again with the new token`, async () => {
      await using rig = await linkRig();
      const link = await rig.open();
      rig.control.override = (request, response) => {
        if (!request.path.endsWith("heartbeat") || request.token !== "jwt-1") return false;
        answer(response, status, errorBody("unauthorized", "expired"));
        return true;
      };
      link.start();
      await rig.control.answered("heartbeat", 2);
      assert.deepEqual(
        rig.control.seen("heartbeat").map(({ token }) => token),
        ["jwt-1", "jwt-2"],
      );
      assert.equal(rig.control.seen("refresh").length, 1);
      assert.deepEqual(rig.events, []);
      assert.doesNotMatch(rig.log.join(""), /jwt-|refresh-/);
    });
  }

  test("the new pair is on disk before it is used", async () => {
    await using rig = await linkRig();
    const link = await rig.open();
    rig.control.token = "expired";
    const kept: string[] = [];
    rig.control.override = (request, response) => {
      if (request.token !== "jwt-2") return false;
      void readFile(join(rig.folder, "identity.json"), "utf8").then((text) => {
        kept.push(text);
        response.writeHead(204).end();
      });
      return true;
    };
    link.start();
    await rig.control.answered("heartbeat", 2);
    assert.match(kept[0] ?? "", /"refresh-2"/);
  });

  test("a lost answer to a refresh costs nothing: the old token asks again", async () => {
    await using rig = await linkRig();
    const link = await rig.open();
    rig.control.token = "expired";
    let lost = false;
    rig.control.override = (request, response) => {
      if (lost || !request.path.endsWith("refresh")) return false;
      lost = true;
      response.destroy();
      return true;
    };
    link.start();
    await rig.control.answered("refresh", 1);
    await until(() => rig.clock.pending.length === 2);
    rig.clock.advance(1_000);
    await rig.control.answered("heartbeat", 3);
    assert.deepEqual(
      rig.control.seen("refresh").map(({ body }) => body.refresh_token),
      ["refresh-1", "refresh-1"],
    );
    assert.equal(link.identity.current.refreshToken, "refresh-2");
  });

  test("a token that is refused twice is not refreshed without end", async () => {
    await using rig = await linkRig();
    const link = await rig.open();
    rig.control.override = (request, response) => {
      if (!request.path.endsWith("heartbeat")) return false;
      answer(response, 403, errorBody("forbidden", "not yours"));
      return true;
    };
    link.start();
    await rig.control.answered("heartbeat", 2);
    await until(() => rig.events.length > 0);
    assert.equal(rig.control.seen("refresh").length, 1);
    assert.deepEqual(rig.events, ["lost:refused"]);
  });

  test("a certificate two thirds through its life is renewed, and whoever serves it is told", async () => {
    await using rig = await linkRig();
    const link = await rig.open();
    let told = 0;
    using _subscription = link.identity.onChange(() => told++);
    rig.clock.setDate(new Date("2026-11-01"));
    rig.control.dates = { notBefore: new Date("2026-10-31"), notAfter: new Date("2027-10-31") };
    link.start();
    await rig.control.answered("heartbeat", 1);
    assert.match(rig.control.seen("refresh")[0]?.body.csr, /CERTIFICATE REQUEST/);
    assert.equal(certificateValidity(link.identity.current).to.getUTCFullYear(), 2027);
    assert.equal(told, 1);
  });

  test("while the certificate is young, a renewal asks for none", async () => {
    await using rig = await linkRig();
    const link = await rig.open();
    rig.control.token = "expired";
    link.start();
    await rig.control.answered("heartbeat", 2);
    assert.equal(rig.control.seen("refresh")[0]?.body.csr, undefined);
  });
});
