import assert from "node:assert/strict";
import { suite, test } from "node:test";
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
