import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { certificateValidity } from "../identity/host-identity.ts";
import { answer, errorBody } from "./testing/control-plane.ts";
import { linkRig, until } from "./testing/link-rig.ts";

suite("H2: heartbeats", () => {
  test("the first goes out at once, the next every 30 s, each complete", async () => {
    await using rig = await linkRig();
    rig.sandboxes = [
      { id: "sb-1", state: "running" },
      { id: "sb-2", state: "error", reason: "its machine ended" },
    ];
    const link = await rig.open();
    link.start();
    await rig.control.answered("heartbeat", 1);
    await until(() => rig.clock.pending.length === 2);
    rig.clock.advance(29_999);
    assert.equal(rig.control.seen("heartbeat").length, 1);
    rig.clock.advance(1);
    await rig.control.answered("heartbeat", 2);
    for (const { token, body } of rig.control.seen("heartbeat")) {
      assert.equal(token, "jwt-1");
      assert.deepEqual(body, {
        load: { sandboxes: 2, vcpus: 1, memory_mb: 128, disk_free_mb: 1000 },
        sandboxes: [
          { id: "sb-1", status: "running" },
          { id: "sb-2", status: "error", reason: "its machine ended" },
        ],
      });
    }
  });

  test("a change goes out at once; many at the same time in one", async () => {
    await using rig = await linkRig();
    const link = await rig.open();
    link.start();
    await rig.control.answered("heartbeat", 1);
    await until(() => rig.clock.pending.length === 2);
    rig.sandboxes = [{ id: "sb-1", state: "error" }];
    for (let index = 0; index < 100; index++) link.notifyChange();
    await rig.control.answered("heartbeat", 2);
    await until(() => rig.clock.pending.length === 2);
    assert.equal(rig.control.seen("heartbeat").length, 2);
    assert.equal(rig.control.seen("heartbeat")[1]?.body.sandboxes[0].id, "sb-1");
  });

  test("a change while a heartbeat is on its way is told by another", async () => {
    await using rig = await linkRig();
    const link = await rig.open();
    let once = true;
    rig.control.override = (request) => {
      if (request.path.endsWith("heartbeat") && once) {
        once = false;
        rig.sandboxes = [{ id: "sb-late", state: "error" }];
        link.notifyChange();
      }
      return false;
    };
    link.start();
    await rig.control.answered("heartbeat", 2);
    assert.deepEqual(
      rig.control.seen("heartbeat").map(({ body }) => body.sandboxes.length),
      [0, 1],
    );
  });

  test("a change is repeated until it is acknowledged", async () => {
    await using rig = await linkRig();
    const link = await rig.open();
    link.start();
    await rig.control.answered("heartbeat", 1);
    await until(() => rig.clock.pending.length === 2);
    let failures = 3;
    rig.control.override = (_request, response) => {
      if (failures === 0) return false;
      failures--;
      answer(response, 503, errorBody("internal", "not now"));
      return true;
    };
    rig.sandboxes = [{ id: "sb-1", state: "error" }];
    link.notifyChange();
    for (let attempt = 2; attempt <= 4; attempt++) {
      await rig.control.answered("heartbeat", attempt);
      await until(() => rig.clock.pending.length === 2);
      rig.clock.advance(rig.clock.pending[0] ?? 0);
    }
    await rig.control.answered("heartbeat", 5);
    assert.equal(rig.control.seen("heartbeat")[4]?.body.sandboxes[0].id, "sb-1");
    await until(() => rig.clock.pending.includes(30_000));
  });

  test("stopping ends a heartbeat that waits for its answer", async () => {
    await using rig = await linkRig();
    const link = await rig.open();
    const arrived = Promise.withResolvers<void>();
    rig.control.override = () => {
      arrived.resolve();
      return true;
    };
    link.start();
    await arrived.promise;
    await link[Symbol.asyncDispose]();
    assert.deepEqual(rig.clock.pending, []);
  });
});

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

suite("H2: control lost and regained", () => {
  test("after 90 s without an accepted heartbeat, and not a moment before", async () => {
    await using rig = await linkRig();
    const link = await rig.open();
    link.start();
    await rig.control.answered("heartbeat", 1);
    await until(() => rig.clock.pending.length === 2);
    await rig.control.close();
    rig.clock.advance(89_999);
    assert.deepEqual(rig.events, []);
    rig.clock.advance(1);
    assert.deepEqual(rig.events, ["lost:silent"]);
    rig.clock.advance(500_000);
    assert.deepEqual(rig.events, ["lost:silent"]);
  });

  test("also when the control plane takes connections and never answers", async () => {
    await using rig = await linkRig();
    const link = await rig.open();
    rig.control.override = () => true;
    link.start();
    await until(() => rig.clock.pending.length > 0);
    rig.clock.advance(90_000);
    assert.deepEqual(rig.events, ["lost:silent"]);
  });

  test("at once when a refresh is refused; it goes on asking every interval, and is let back in", async () => {
    await using rig = await linkRig();
    const link = await rig.open();
    const good = rig.control.refreshToken;
    rig.control.token = "expired";
    rig.control.refreshToken = "revoked";
    link.start();
    await until(() => rig.events.length === 1);
    for (let asked = 1; asked <= 3; asked++) {
      await rig.control.answered("refresh", asked);
      await until(() => rig.clock.pending.length === 2);
      if (asked === 3) rig.control.refreshToken = good;
      rig.clock.advance(30_000);
    }
    await until(() => rig.events.length === 2);
    assert.deepEqual(rig.events, ["lost:refused", "regained"]);
  });

  test("regained with the first accepted heartbeat", async () => {
    await using rig = await linkRig();
    const link = await rig.open();
    link.start();
    await rig.control.answered("heartbeat", 1);
    await until(() => rig.clock.pending.length === 2);
    await rig.control.close();
    rig.clock.advance(90_000);
    await rig.control.listen();
    while (rig.events.length < 2) {
      rig.clock.advance(30_000);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.deepEqual(rig.events, ["lost:silent", "regained"]);
  });
});

suite("H7: a host that was deleted", () => {
  test("is told once, reports until nothing is left, and then is silent", async () => {
    await using rig = await linkRig();
    rig.sandboxes = [{ id: "sb-1", state: "running" }];
    const link = await rig.open();
    rig.control.override = (_request, response) => {
      answer(response, 410, errorBody("host_deleted", "This host was deleted."));
      return true;
    };
    link.start();
    await until(() => rig.events.length === 1);
    await until(() => rig.clock.pending.includes(30_000));
    link.notifyChange();
    await rig.control.answered("heartbeat", 2);
    await until(() => rig.clock.pending.includes(30_000));
    rig.sandboxes = [];
    link.notifyChange();
    await rig.control.answered("heartbeat", 3);
    await until(() => rig.clock.pending.length === 0);
    assert.deepEqual(rig.events, ["deleted"]);
    link.notifyChange();
    assert.equal(rig.control.seen("heartbeat").length, 3);
  });
});
