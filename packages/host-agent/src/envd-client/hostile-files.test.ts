import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { connectEnvd, type EnvdClient } from "./envd-client.ts";
import { fails } from "./testing/fails.ts";
import { flood, type HostileGuest, hostileGuest, httpAnswer } from "./testing/hostile-guest.ts";

const never = new AbortController().signal;
const MiB = 1024 * 1024;

function clientOf(guest: HostileGuest): EnvdClient {
  return connectEnvd({
    address: guest.address,
    port: guest.port,
    limits: { answerMs: 300, silenceMs: 300, storeMs: 300 },
  });
}

async function readAll(client: EnvdClient): Promise<number> {
  let size = 0;
  for await (const chunk of (await client.readFile("/file", "user", never)).chunks) size += chunk.length;
  return size;
}

async function* pieces(count: number): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < count; index++) yield Buffer.alloc(64 * 1024);
}

suite("N4: files of a hostile guest", () => {
  const cut: [string, Record<string, string>, string][] = [
    ["shorter than announced", { "content-length": "100" }, "only this"],
    ["chunked, and never finished", { "transfer-encoding": "chunked" }, "5\r\nhello\r\n"],
  ];
  for (const [what, headers, body] of cut) {
    test(`a body ${what} is an error, never a short file`, async () => {
      await using guest = await hostileGuest((socket) => socket.end(httpAnswer(200, headers, body)));
      await using client = clientOf(guest);
      await assert.rejects(readAll(client), fails(/cannot be reached|answered wrongly/));
    });
  }

  const unsure: [string, Record<string, string>][] = [
    ["ended by the connection alone", {}],
    ["compressed unasked", { "content-length": "3", "content-encoding": "gzip" }],
  ];
  for (const [what, headers] of unsure) {
    test(`a body ${what} is refused`, async () => {
      await using guest = await hostileGuest((socket) => socket.end(httpAnswer(200, headers, "abc")));
      await using client = clientOf(guest);
      await assert.rejects(readAll(client), fails(/answered wrongly/));
    });
  }

  test("a part of the file that was not asked for is refused", async () => {
    await using guest = await hostileGuest((socket) => socket.end(httpAnswer(206, { "content-length": "1" }, "a")));
    await using client = clientOf(guest);
    await assert.rejects(readAll(client), fails(/status 206/));
  });

  test("a guest that stops in the middle of a file is given up", async () => {
    await using guest = await hostileGuest((socket) =>
      socket.write(httpAnswer(200, { "content-length": "100" }, "ab")),
    );
    await using client = clientOf(guest);
    await assert.rejects(readAll(client), fails(/stopped in the middle/));
  });

  test("a body in single bytes is passed on in a few chunks", async () => {
    const bytes = 50_000;
    const body = `${"1\r\nx\r\n".repeat(bytes)}0\r\n\r\n`;
    await using guest = await hostileGuest((socket) =>
      socket.end(httpAnswer(200, { "transfer-encoding": "chunked" }, body)),
    );
    await using client = clientOf(guest);
    let size = 0;
    let chunks = 0;
    for await (const chunk of (await client.readFile("/file", "user", never)).chunks) {
      size += chunk.length;
      chunks++;
    }
    assert.equal(size, bytes);
    assert.ok(chunks < bytes / 100, `${chunks} chunks`);
  });

  test("R5: a file without end is read as fast as it is consumed, not faster", async () => {
    let written = 0;
    await using guest = await hostileGuest((socket) => {
      socket.write(httpAnswer(200, { "content-length": String(10_000 * MiB) }, ""));
      flood(socket, Buffer.alloc(64 * 1024));
      const count = setInterval(() => {
        written = socket.bytesWritten;
      }, 5);
      socket.on("close", () => clearInterval(count));
    });
    await using client = clientOf(guest);
    const { chunks } = await client.readFile("/file", "user", never);
    const iterator = chunks[Symbol.asyncIterator]();
    await iterator.next();
    // Longer than the guest's own limit for silence: while we do not read, it is not the guest that is silent.
    let before = -1;
    while (before !== written || written === 0) {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 400));
    }
    assert.ok(written < 32 * MiB, `${written} bytes were taken with nobody reading`);
    assert.equal((await iterator.next()).done, false);
    await iterator.return?.(undefined);
  });

  test("a guest that takes no more of an upload is given up, and the source is let go", async () => {
    let released = false;
    await using guest = await hostileGuest((socket) => socket.pause());
    await using client = clientOf(guest);
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield Buffer.alloc(64 * 1024);
      } finally {
        released = true;
      }
    }
    await assert.rejects(client.writeFile("/file", "user", endless(), never), fails(/takes no more/));
    while (!released) await new Promise((resolve) => setImmediate(resolve));
  });

  test("a source slower than the guest's limit for silence is no fault of the guest", async () => {
    await using guest = await hostileGuest((socket) => {
      socket.on("data", (chunk) => {
        if (chunk.toString("latin1").endsWith("0\r\n\r\n")) socket.end(httpAnswer(200, {}, "[]"));
      });
    });
    await using client = clientOf(guest);
    async function* slow(): AsyncGenerator<Uint8Array> {
      yield Buffer.from("a");
      await new Promise((resolve) => setTimeout(resolve, 900));
      yield Buffer.from("b");
    }
    assert.equal(await client.writeFile("/file", "user", slow(), never), 2);
  });

  test("a confirmation before the file was sent is not believed", async () => {
    await using guest = await hostileGuest((socket) => socket.write(httpAnswer(200, { "content-length": "2" }, "[]")));
    await using client = clientOf(guest);
    await assert.rejects(client.writeFile("/file", "user", pieces(10_000), never), fails(/./));
  });

  test("a refusal in the middle of an upload is told as what it is", async () => {
    const body = JSON.stringify({ message: "no space", code: 507 });
    const headers = { "content-length": String(body.length) };
    await using guest = await hostileGuest((socket) => socket.write(httpAnswer(507, headers, body)));
    await using client = clientOf(guest);
    await assert.rejects(client.writeFile("/file", "user", pieces(10_000), never), fails(/disk is full/, "disk_full"));
  });

  test("an error of the source is passed on as it is, and cuts the request", async () => {
    const wrong = new Error("the source broke");
    let received = "";
    const closed = Promise.withResolvers<void>();
    await using guest = await hostileGuest((socket, head) => {
      received = head;
      socket.on("data", (chunk) => {
        received += chunk.toString("latin1");
      });
      socket.on("close", () => closed.resolve());
    });
    await using client = clientOf(guest);
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from("the first part");
      throw wrong;
    }
    await assert.rejects(client.writeFile("/file", "user", broken(), never), wrong);
    await closed.promise;
    assert.match(received, /the first part/);
    assert.doesNotMatch(received, /\r\n0\r\n\r\n/);
  });

  for (const [path, user] of [
    ["/a\0b", "user"],
    ["", "user"],
    ["/a", "us er"],
    ["/a", "user:x"],
    [`/${"a".repeat(4096)}`, "user"],
  ] as const) {
    test(`R4: ${JSON.stringify([path.slice(0, 10), user])} is refused before anything is sent`, async () => {
      await using guest = await hostileGuest(() => {});
      await using client = clientOf(guest);
      await assert.rejects(client.readFile(path, user, never), fails(/./, "invalid_request"));
      await assert.rejects(client.writeFile(path, user, pieces(1), never), fails(/./, "invalid_request"));
      assert.equal(guest.requests, 0);
    });
  }

  const refusals: [number, string][] = [
    [400, "invalid_request"],
    [401, "invalid_request"],
    [403, "invalid_request"],
    [404, "not_found"],
    [500, "host_failed"],
    [507, "disk_full"],
  ];
  for (const [status, code] of refusals) {
    test(`status ${status} means ${code}`, async () => {
      const body = JSON.stringify({ message: "so\nit is", code: status });
      await using guest = await hostileGuest((socket) => socket.end(httpAnswer(status, {}, body)));
      await using client = clientOf(guest);
      await assert.rejects(client.readFile("/x", "user", never), fails(/./, code));
    });
  }
});
