import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { RoostError } from "@roost/protocol/errors";
import { connectEnvd, type EnvdClient } from "./envd-client.ts";
import { flood, type HostileGuest, hostileGuest, httpAnswer } from "./testing/hostile-guest.ts";

const never = new AbortController().signal;
const limits = { answerMs: 300, silenceMs: 300, storeMs: 300, killGraceMs: 300 };
const identity = {
  envVars: {},
  accessToken: "secret",
  timestamp: new Date(0),
  defaultUser: "user",
  hostname: "sandbox",
  entropy: new Uint8Array(8),
  machineId: "0".repeat(32),
};

function clientOf(guest: HostileGuest): EnvdClient {
  return connectEnvd({ address: guest.address, port: guest.port, limits });
}

/** The guest's failure, as every caller is to see it: a code, one line, no cause that could carry the guest's bytes. */
async function failureOf(work: Promise<unknown>): Promise<RoostError> {
  const error = await work.then(
    () => assert.fail("it should have failed"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof RoostError, `a RoostError, not ${error}`);
  assert.equal(error.cause, undefined);
  assert.ok(error.message.length < 320, `a short message, not ${error.message.length} characters`);
  assert.doesNotMatch(error.message, /[\p{C}\p{Zl}\p{Zp}]/u);
  return error;
}

suite("N4: small answers of a hostile guest", () => {
  test("one that never ends is cut off after its limit in size", async () => {
    await using guest = await hostileGuest((socket) => {
      socket.write(httpAnswer(200, { "content-type": "application/json" }, ""));
      flood(socket, Buffer.alloc(64 * 1024, "a"));
    });
    await using client = clientOf(guest);
    assert.match((await failureOf(client.metrics(never))).message, /more than 65536 bytes/);
  });

  test("one that drips is cut off after its limit in time, though it is never silent", async () => {
    const drips: NodeJS.Timeout[] = [];
    await using guest = await hostileGuest((socket) => {
      socket.write(httpAnswer(200, {}, "{"));
      drips.push(setInterval(() => socket.write(" "), 20));
    });
    await using client = clientOf(guest);
    try {
      assert.match((await failureOf(client.metrics(never))).message, /did not answer in time/);
    } finally {
      for (const drip of drips) clearInterval(drip);
    }
  });

  test("a connection that is taken and never answered ends in time", async () => {
    await using guest = await hostileGuest(() => {});
    await using client = clientOf(guest);
    assert.match((await failureOf(client.init(identity, never))).message, /did not answer in time/);
  });

  test("headers without end are refused", async () => {
    await using guest = await hostileGuest((socket) => {
      socket.write("HTTP/1.1 200 OK\r\n");
      flood(socket, Buffer.from(`x-more: ${"a".repeat(1000)}\r\n`));
    });
    await using client = clientOf(guest);
    assert.match((await failureOf(client.metrics(never))).message, /headers are too large|not HTTP/);
  });

  test("informational answers, each of which would start the limit in time anew, are refused", async () => {
    await using guest = await hostileGuest((socket) =>
      flood(socket, Buffer.from("HTTP/1.1 103 Early\r\na: b\r\n\r\n")),
    );
    await using client = connectEnvd({ address: guest.address, port: guest.port });
    const command = { cmd: "true", args: [], env: {}, timeoutMs: 0, outputLimitBytes: 100 };
    for (const call of [
      () => client.metrics(never),
      () => client.readFile("/file", "user", never),
      () => client.exec(command, never),
    ]) {
      assert.match((await failureOf(call())).message, /an answer before its answer/);
    }
  });

  for (const status of [301, 302, 307, 308]) {
    test(`a redirect (${status}) is not followed`, async () => {
      await using elsewhere = await hostileGuest((socket) => socket.end(httpAnswer(204, {}, "")));
      const location = `http://127.0.0.1:${elsewhere.port}/health`;
      await using guest = await hostileGuest((socket) => socket.end(httpAnswer(status, { location }, "")));
      await using client = clientOf(guest);
      await failureOf(client.init(identity, never));
      await failureOf(client.metrics(never));
      await failureOf(client.readFile("/etc/passwd", "user", never));
      await failureOf(client.exec({ cmd: "true", args: [], env: {}, timeoutMs: 0, outputLimitBytes: 1_000 }, never));
      assert.equal(elsewhere.requests, 0);
    });
  }

  test("words that would forge a log line are escaped and cut", async () => {
    const message = `x\u001b[31m\n{"level":60}\u202e\u2028${"long".repeat(1_000)}`;
    const body = JSON.stringify({ message, code: 500 });
    await using guest = await hostileGuest((socket) => socket.end(httpAnswer(500, {}, body)));
    await using client = clientOf(guest);
    const error = await failureOf(client.init(identity, never));
    assert.equal(error.code, "host_failed");
    assert.match(error.message, /x\\u\{1b\}\[31m\\n\{"level":60\}\\u\{202e\}\\u\{2028\}long/);
  });

  test("what is not HTTP at all is a wrong answer, told without its bytes", async () => {
    await using guest = await hostileGuest((socket) => socket.end("SSH-2.0-secret\r\n\u001b[2J"));
    await using client = clientOf(guest);
    const error = await failureOf(client.metrics(never));
    assert.match(error.message, /answered wrongly: not HTTP/);
    assert.doesNotMatch(error.message, /SSH/);
  });

  for (const body of ["", "null", "[]", "{}", '{"ts": "now"}', "NaN", `{"ts":1e300,"cpu_count":1}`]) {
    test(`metrics that are none are refused: ${JSON.stringify(body)}`, async () => {
      await using guest = await hostileGuest((socket) => socket.end(httpAnswer(200, {}, body)));
      await using client = clientOf(guest);
      assert.match((await failureOf(client.metrics(never))).message, /answered wrongly/);
    });
  }

  test("a failed init leaves the client without a token", async () => {
    const heads: string[] = [];
    await using guest = await hostileGuest((socket, head) => {
      heads.push(head);
      socket.end(httpAnswer(200, {}, ""));
    });
    await using client = clientOf(guest);
    await failureOf(client.init(identity, never));
    await failureOf(client.metrics(never));
    assert.doesNotMatch(heads.join(""), /x-access-token/i);
  });

  test("the caller's abort is passed on as it is", async () => {
    await using guest = await hostileGuest(() => {});
    await using client = clientOf(guest);
    const reason = new Error("the caller left");
    await assert.rejects(client.metrics(AbortSignal.abort(reason)), reason);
  });
});
