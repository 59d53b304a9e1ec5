import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { suite, test } from "node:test";
import { waitHealthy } from "./health.ts";
import { hostileGuest, httpAnswer } from "./testing/hostile-guest.ts";

const never = new AbortController().signal;

suite("Waiting until a guest answers", () => {
  test("it outlasts a guest that does not listen yet", async () => {
    const server = createServer((socket) => socket.end(httpAnswer(204, {}, ""))).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, "close");
    const healthy = waitHealthy({ address: "127.0.0.1", port }, never);
    setTimeout(() => server.listen(port, "127.0.0.1"), 200);
    await healthy;
    assert.ok(server.listening);
    server.close();
  });

  test("any answer but 204 is not one", async () => {
    const answers = [
      httpAnswer(503, {}, ""),
      httpAnswer(200, {}, "fine"),
      httpAnswer(302, { location: "/" }, ""),
      Buffer.from("nonsense\r\n"),
    ];
    await using guest = await hostileGuest((socket) => socket.end(answers.shift() ?? httpAnswer(204, {}, "")));
    await waitHealthy(guest, never);
    assert.equal(guest.requests, 5);
  });

  test("it ends with its signal while an answer is outstanding", async () => {
    const stop = new AbortController();
    const reason = new Error("enough");
    await using guest = await hostileGuest(() => stop.abort(reason));
    await assert.rejects(waitHealthy(guest, stop.signal), reason);
  });
});
