import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, test } from "node:test";
import { RoostError } from "@roost/protocol/errors";
import { startTestControlPlane } from "../testing/control-plane.ts";
import { type TeamWithHosts, teamWithHosts } from "../testing/team.ts";
import { announced } from "../testing/until.ts";

const LIMIT = 1_000_000;
const plane = await startTestControlPlane({ ROOST_FILE_LIMIT_BYTES: String(LIMIT) });
const team: TeamWithHosts = await teamWithHosts(plane);
after(async () => {
  await team[Symbol.asyncDispose]();
  await plane[Symbol.asyncDispose]();
});
const { api } = plane;
const { key } = team.member;
const { agent } = team.peer;
const id = await team.create();

function form(fields: [string, string | Blob][]): FormData {
  const data = new FormData();
  for (const [name, value] of fields) data.append(name, value);
  return data;
}

function write(body: FormData) {
  return api.post(`/v1/sandboxes/${id}/files/write`, { key, body });
}

function read(json: object) {
  return api.post(`/v1/sandboxes/${id}/files/read`, { key, json });
}

test("R4: a file comes back byte for byte, at and below the limit, also an empty one", async () => {
  for (const size of [0, 1, 300_000, LIMIT]) {
    const bytes = Buffer.alloc(size, "\0é\r\n--");
    const path = `/tmp/${size} ü`;
    assert.equal(
      (
        await write(
          form([
            ["path", path],
            ["file", new Blob([bytes])],
          ]),
        )
      ).status,
      204,
    );
    const answer = await read({ path });
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.body ?? Buffer.alloc(0), bytes);
    assert.equal(answer.headers.get("content-length"), String(size));
  }
});

test("R4: a file as a plain field, and with a user, is a file", async () => {
  assert.equal(
    (
      await write(
        form([
          ["path", "/a"],
          ["user", "root"],
          ["file", "text"],
        ]),
      )
    ).status,
    204,
  );
  assert.equal(agent.files.get("/a")?.toString(), "text");
});

test("R4: a file beyond the limit is 413, and no part of it stays", async () => {
  const file = new Blob([Buffer.alloc(LIMIT + 1)]);
  const answer = await write(
    form([
      ["path", "/big"],
      ["file", file],
    ]),
  );
  assert.deepEqual([answer.status, answer.body.error.code], [413, "payload_too_large"]);
  assert.equal(agent.files.has("/big"), false);
  const huge = await write(
    form([
      ["path", "/huge"],
      ["file", new Blob([Buffer.alloc(LIMIT * 20)])],
    ]),
  );
  assert.equal(huge.status, 413);
  assert.equal(agent.files.has("/huge"), false);
});

test("R4: reading a file beyond the limit is 413", async () => {
  agent.files.set("/big-there", Buffer.alloc(LIMIT + 1));
  assert.equal((await read({ path: "/big-there" })).status, 413);
});

test("R4: a file that is not there is 404", async () => {
  const answer = await read({ path: "/nowhere" });
  assert.deepEqual([answer.status, answer.body.error.code], [404, "not_found"]);
});

test("bad uploads are 400, and write nothing", async (t) => {
  const files = agent.files.size;
  const file = new Blob(["x"]);
  const cases: [string, FormData, RegExp][] = [
    ["no path", form([["file", file]]), /path is missing/],
    [
      "the path after the file",
      form([
        ["file", file],
        ["path", "/x"],
      ]),
      /path is missing/,
    ],
    ["no file", form([["path", "/x"]]), /file is missing/],
    ["an empty form", form([]), /file is missing/],
    [
      "an empty path",
      form([
        ["path", ""],
        ["file", file],
      ]),
      /path must not be empty/,
    ],
    [
      "NUL in the path",
      form([
        ["path", "/a\0b"],
        ["file", file],
      ]),
      /path must not be empty, and be without NUL/,
    ],
    [
      "an unknown field",
      form([
        ["path", "/x"],
        ["mode", "644"],
        ["file", file],
      ]),
      /mode is not known/,
    ],
    [
      "a path beyond all reason",
      form([
        ["path", `/${"x".repeat(20_000)}`],
        ["file", file],
      ]),
      /path/,
    ],
  ];
  for (const [name, body, message] of cases) {
    await t.test(name, async () => {
      const answer = await write(body);
      assert.equal(answer.status, 400);
      assert.match(answer.body.error.message, message);
    });
  }
  const headers = { "content-type": "multipart/form-data" };
  const noBoundary = await api.post(`/v1/sandboxes/${id}/files/write`, { key, headers, body: "x" });
  assert.equal(noBoundary.status, 400);
  const json = await api.post(`/v1/sandboxes/${id}/files/write`, { key, json: { path: "/x" } });
  assert.equal(json.status, 400);
  assert.equal(agent.files.size, files);
});

test("an upload that does not end its last part is 400, and writes nothing", async () => {
  const headers = { "content-type": "multipart/form-data; boundary=b" };
  const body =
    '--b\r\ncontent-disposition: form-data; name="path"\r\n\r\n/cut\r\n--b\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n\r\nhalf';
  const answer = await api.post(`/v1/sandboxes/${id}/files/write`, { key, headers, body });
  assert.equal(answer.status, 400);
  assert.equal(agent.files.has("/cut"), false);
});

test("an upload whose sender hangs up writes nothing", async () => {
  const { hostname, port } = new URL(api.url);
  const asked = announced(agent, "streamWriteFile");
  const socket = connect(Number(port), hostname);
  const ended = new Promise<void>((resolve) =>
    agent.before("streamWriteFile", (context) => {
      context.signal.addEventListener("abort", () => resolve());
    }),
  );
  socket.write(
    `POST /v1/sandboxes/${id}/files/write HTTP/1.1\r\nhost: x\r\nx-api-key: ${key}\r\n` +
      "content-type: multipart/form-data; boundary=b\r\ncontent-length: 5000\r\n\r\n" +
      '--b\r\ncontent-disposition: form-data; name="path"\r\n\r\n/hung-up\r\n' +
      `--b\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n\r\n${"x".repeat(1000)}`,
  );
  await asked;
  socket.destroy();
  await ended;
  agent.before("streamWriteFile", undefined);
  assert.equal(agent.files.has("/hung-up"), false);
});

test("the host's refusal of a file is the answer, also half-way", async () => {
  agent.refuse("streamWriteFile", new RoostError("disk_full", "No space is left in the sandbox."));
  const answer = await write(
    form([
      ["path", "/x"],
      ["file", new Blob([Buffer.alloc(LIMIT)])],
    ]),
  );
  assert.deepEqual([answer.status, answer.body.error.code], [507, "disk_full"]);
  agent.before("streamWriteFile", undefined);
  agent.refuse("streamReadFile", new RoostError("invalid_request", "That is a folder."));
  assert.equal((await read({ path: "/" })).status, 400);
  agent.before("streamReadFile", undefined);
});

test("files of a sandbox that does not run are 409, of another team's 404, whatever is sent", async () => {
  const stopped = await team.create();
  await api.delete(`/v1/sandboxes/${stopped}`, { key });
  const body = () =>
    form([
      ["path", "/x"],
      ["file", new Blob([Buffer.alloc(LIMIT)])],
    ]);
  assert.equal((await api.post(`/v1/sandboxes/${stopped}/files/write`, { key, body: body() })).status, 409);
  assert.equal((await api.post(`/v1/sandboxes/${stopped}/files/read`, { key, json: { path: "/x" } })).status, 409);
  const stranger = await plane.newMember();
  const theirs = { key: stranger.key };
  assert.equal((await api.post(`/v1/sandboxes/${id}/files/write`, { ...theirs, body: body() })).status, 404);
  assert.equal((await api.post(`/v1/sandboxes/${id}/files/read`, { ...theirs, json: { path: "/x" } })).status, 404);
});

test("reads of no path, or one with NUL, are 400", async () => {
  for (const json of [{}, { path: "" }, { path: "/\0" }, { path: 1 }]) assert.equal((await read(json)).status, 400);
});
