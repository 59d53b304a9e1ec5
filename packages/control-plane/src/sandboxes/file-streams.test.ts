import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createReadStream, existsSync } from "node:fs";
import { mkdir, readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { after, suite, test } from "node:test";
import { RoostError } from "@roost/protocol/errors";
import { startTestControlPlane } from "../testing/control-plane.ts";
import { guestHost } from "../testing/guest-host.ts";
import { StreamClient } from "../testing/stream-client.ts";
import { until } from "../testing/until.ts";

const MiB = 1024 * 1024;
const plane = await startTestControlPlane({ ROOST_API_RATE_PER_SEC: "0", ROOST_FILE_LIMIT_BYTES: "2000000" });
const host = await guestHost(plane);
after(async () => {
  await host[Symbol.asyncDispose]();
  await plane[Symbol.asyncDispose]();
});
const { api } = plane;
const { key } = host.member;
const base = `/v1/sandboxes/${host.id}/files`;
const at = (name: string): string => join(host.folder, name);
const hash = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

function upload(path: string, body: RequestInit["body"]) {
  const headers = { "content-type": "application/octet-stream" };
  return api.post(`${base}/stream/write?path=${encodeURIComponent(path)}`, { key, body, headers });
}

function download(path: string, signal?: AbortSignal): Promise<Response> {
  return fetch(`${api.url}${base}/stream/read`, {
    method: "POST",
    headers: { "X-API-Key": key, "content-type": "application/json" },
    body: JSON.stringify({ path }),
    signal: signal ?? null,
  });
}

/** Of an upload that never comes to be whole, something may be left for a moment. */
async function onlyHas(folder: string, names: readonly string[]): Promise<void> {
  await until("nothing else is there", async () => (await readdir(folder)).toSorted().join() === names.join());
}

suite("R5: files of any size", () => {
  test("far beyond the limit of the other routes they go in and come back the same, as a bare body and as a form", async () => {
    const bytes = randomBytes(20 * MiB);
    assert.equal((await upload(at("new folder/bare"), bytes)).status, 204);
    assert.equal(hash(await readFile(at("new folder/bare"))), hash(bytes));
    const form = new FormData();
    form.append("path", at("form"));
    form.append("file", new Blob([bytes]));
    assert.equal((await api.post(`${base}/stream/write`, { key, body: form })).status, 204);
    const answer = await download(at("form"));
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("content-length"), String(bytes.length));
    assert.equal(hash(Buffer.from(await answer.arrayBuffer())), hash(bytes));
  });

  test("an empty file, and one that does not know its size", async () => {
    assert.equal((await upload(at("empty"), "")).status, 204);
    const empty = await download(at("empty"));
    assert.equal(empty.headers.get("content-length"), "0");
    assert.equal((await empty.arrayBuffer()).byteLength, 0);
    const status = await download("/proc/self/status");
    assert.match(await status.text(), /^Name:/);
  });

  test("what is missing, a folder, or no place at all is told before any byte", async () => {
    assert.equal((await download(at("none"))).status, 404);
    assert.equal((await download(host.folder)).status, 400);
    assert.equal((await upload(host.folder, "x")).status, 400);
    const nowhere = { key, body: "x", headers: { "content-type": "application/octet-stream" } };
    assert.match((await api.post(`${base}/stream/write`, nowhere)).body.error.message, /path is missing/);
    const stranger = await plane.newMember();
    const headers = { "content-type": "application/octet-stream" };
    const query = `?path=${encodeURIComponent(at("stolen"))}`;
    assert.equal(
      (await api.post(`${base}/stream/write${query}`, { key: stranger.key, body: "x", headers })).status,
      404,
    );
    assert.equal(existsSync(at("stolen")), false);
  });

  for (const share of [0, 1, 0.5]) {
    test(`an upload that is cut after ${share * 100} % of its bytes leaves the old file, and nothing else`, async () => {
      const folder = at(`cut ${share}`);
      await mkdir(folder);
      await writeFile(join(folder, "file"), "old");
      const size = 8 * MiB;
      const url = new URL(`${base}/stream/write?path=${encodeURIComponent(join(folder, "file"))}`, api.url);
      const socket = connect(Number(url.port), "127.0.0.1");
      // One byte more is announced than comes.
      socket.write(
        `POST ${url.pathname}${url.search} HTTP/1.1\r\nhost: x\r\nx-api-key: ${key}\r\ncontent-type: application/octet-stream\r\ncontent-length: ${size + 1}\r\n\r\n`,
      );
      await new Promise((resolve) => socket.write(Buffer.alloc(size * share), resolve));
      socket.destroy();
      await until("nobody uses the guest", () => host.sandboxes.uses === 0);
      await onlyHas(folder, ["file"]);
      assert.equal(await readFile(join(folder, "file"), "utf8"), "old");
    });
  }

  test("a download whose file gets shorter meanwhile is an error at the client, never a short success", async () => {
    await writeFile(at("shrinks"), Buffer.alloc(64 * MiB));
    const answer = await download(at("shrinks"));
    const reader = answer.body?.getReader();
    await reader?.read();
    await truncate(at("shrinks"), MiB);
    await assert.rejects(async () => {
      while (!(await reader?.read())?.done);
    });
  });

  test("a pause in the middle of a download is an error at the client; in the middle of an upload it is 409", async () => {
    await writeFile(at("large"), Buffer.alloc(64 * MiB));
    const answer = await download(at("large"));
    const reader = answer.body?.getReader();
    await reader?.read();
    pause();
    await assert.rejects(async () => {
      while (!(await reader?.read())?.done);
    });
    const url = `${api.url}${base}/stream/write?path=${encodeURIComponent(at("half"))}`;
    const headers = { "x-api-key": key, "content-type": "application/octet-stream" };
    const sending = request(url, { method: "POST", headers });
    sending.on("error", () => {});
    sending.write(Buffer.alloc(MiB));
    await until("the upload is under way", async () =>
      (await readdir(host.folder)).some((name) => name.startsWith(".roost")),
    );
    const [[refused]] = await Promise.all([once(sending, "response"), pause()]);
    assert.equal(refused.statusCode, 409);
    assert.equal(JSON.parse(Buffer.concat(await refused.toArray()).toString()).error.code, "sandbox_paused");
    sending.destroy();
    await until(
      "nothing of it is there",
      async () => !(await readdir(host.folder)).some((name) => name.startsWith(".roost")),
    );
    assert.equal(existsSync(at("half")), false);
  });

  test("a client that leaves a download is let go", async () => {
    await writeFile(at("left"), Buffer.alloc(64 * MiB));
    const leaving = new AbortController();
    const answer = await download(at("left"), leaving.signal);
    await answer.body?.getReader().read();
    leaving.abort();
    await until("nobody uses the guest", () => host.sandboxes.uses === 0);
  });

  test("R4: the routes with a limit are the same ones, with a limit", async () => {
    await writeFile(at("over"), Buffer.alloc(2_000_001));
    const refused = await api.post(`${base}/read`, { key, json: { path: at("over") } });
    assert.equal(refused.status, 413);
    assert.match(refused.body.error.message, /files\/stream/);
    await writeFile(at("under"), Buffer.alloc(2_000_000, "x"));
    const read = await api.post(`${base}/read`, { key, json: { path: at("under") } });
    assert.equal(hash(read.body), hash(await readFile(at("under"))));
    const form = new FormData();
    form.append("path", at("never"));
    form.append("file", new Blob([Buffer.alloc(2_000_001)]));
    assert.equal((await api.post(`${base}/write`, { key, body: form })).status, 413);
    assert.equal(existsSync(at("never")), false);
  });

  test("an upload by a stream that fails is cut, and leaves nothing", async () => {
    const source = createReadStream(at("large"));
    const failing = new ReadableStream({
      async pull(controller) {
        for await (const chunk of source) {
          controller.enqueue(chunk);
          if (source.bytesRead > 4 * MiB) throw new Error("the disk it comes from is broken");
          return;
        }
      },
    });
    await assert.rejects(upload(at("failed"), failing));
    source.destroy();
    await until("nobody uses the guest", () => host.sandboxes.uses === 0);
    assert.equal(existsSync(at("failed")), false);
  });
});

suite("R8: the files' tree", () => {
  test("folders are made, listed, described, moved and removed", async () => {
    const post = (route: string, json: object) => api.post(`${base}/${route}`, { key, json });
    const made = await post("mkdir", { path: at("tree/a/b") });
    assert.equal(made.status, 200);
    assert.equal(made.body.type, "directory");
    assert.equal((await post("mkdir", { path: at("tree/a/b") })).status, 409);
    await writeFile(at("tree/a/ü"), "words");
    const stat = await post("stat", { path: at("tree/a/ü") });
    assert.deepEqual(
      [stat.body.name, stat.body.type, stat.body.size, stat.body.path],
      ["ü", "file", 5, at("tree/a/ü")],
    );
    const names = async (json: object) =>
      (await post("list", json)).body.map(({ path }: { path: string }) => path.slice(at("tree").length));
    assert.deepEqual(await names({ path: at("tree") }), ["/a"]);
    assert.deepEqual(await names({ path: at("tree"), depth: 3 }), ["/a", "/a/b", "/a/ü"]);
    assert.equal((await post("move", { path: at("tree/a/ü"), destination: at("tree/c/d") })).body.path, at("tree/c/d"));
    assert.equal((await post("remove", { path: at("tree") })).status, 204);
    assert.equal((await post("remove", { path: at("tree") })).status, 204);
    assert.equal((await post("stat", { path: at("tree") })).status, 404);
    assert.equal((await post("list", { path: "/etc/hostname" })).status, 400);
  });

  test("changes in a watched folder are told as they happen", async () => {
    await mkdir(at("watched/deep"), { recursive: true });
    await using watch = await StreamClient.open(`${api.url}${base}/watch`, { key });
    watch.say({ type: "start", path: at("watched"), recursive: true });
    assert.deepEqual(await watch.next(), { type: "start" });
    assert.equal(host.sandboxes.uses, 1, "a watched folder is activity");
    await writeFile(at("watched/deep/new"), "x");
    const created = await watch.expect("event");
    assert.equal(created.event, "create");
    assert.equal(created.name, "deep/new");
    assert.equal(created.entry?.name ?? "new", "new");
    const { taken } = host.sandboxes;
    host.sandboxes.taken = new AbortController();
    taken.abort(new RoostError("sandbox_paused", "It was paused."));
    assert.equal((await watch.closed()).code, 4410);
  });
});

suite("Streams and what ends", () => {
  test("the agent stops: 1013, and the reason says that it may be tried again", async () => {
    await using command = await StreamClient.open(`${api.url}/v1/sandboxes/${host.id}/exec/stream`, { key });
    command.say({ type: "start", cmd: "/bin/sh", args: ["-c", "echo ready; exec sleep 1000"] });
    const { pid } = await command.expect("start");
    await command.until("ready");
    await host.stopAgent();
    const { code, reason } = await command.closed();
    assert.equal(code, 1013);
    assert.match(reason, /^host_unavailable: .*again/);
    process.kill(pid, "SIGKILL");
  });
});

/** As the host does it: whoever uses the guest is told. */
function pause(): void {
  const { taken } = host.sandboxes;
  host.sandboxes.taken = new AbortController();
  taken.abort(new RoostError("sandbox_paused", "The sandbox was paused."));
}
