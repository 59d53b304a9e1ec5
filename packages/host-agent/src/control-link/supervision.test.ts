import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { linkRig, until } from "./testing/link-rig.ts";

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
