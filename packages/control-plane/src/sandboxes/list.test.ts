import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startTestControlPlane } from "../testing/control-plane.ts";
import { type TeamWithHosts, teamWithHosts } from "../testing/team.ts";

const plane = await startTestControlPlane();
const team: TeamWithHosts = await teamWithHosts(plane);
after(async () => {
  await team[Symbol.asyncDispose]();
  await plane[Symbol.asyncDispose]();
});
const { api, db } = plane;
const { key } = team.member;

const red = await team.create({ metadata: { color: "red", shape: "round" } });
const blue = await team.create({ metadata: { color: "blue", shape: "round", "a.b=c&d": "ü %" } });
const gone = await team.create({ metadata: { color: "red" } });
await api.delete(`/v1/sandboxes/${gone}`, { key });

async function ids(query: string): Promise<string[]> {
  const { status, body } = await api.get(`/v1/sandboxes${query}`, { key });
  assert.equal(status, 200, query);
  return body.map((sandbox: { id: string }) => sandbox.id);
}

test("R1: the list has the team's own, newest first, and the stopped only when asked for", async () => {
  assert.deepEqual(await ids(""), [blue, red]);
  assert.deepEqual(await ids("?status=stopped"), [gone]);
  assert.deepEqual(await ids("?status=stopped&status=running"), [gone, blue, red]);
  assert.deepEqual(await ids("?status=error"), []);
});

test("R1: the list can be narrowed to what metadata says", async () => {
  assert.deepEqual(await ids("?metadata.color=red"), [red]);
  assert.deepEqual(await ids("?metadata.shape=round"), [blue, red]);
  assert.deepEqual(await ids("?metadata.shape=round&metadata.color=blue"), [blue]);
  assert.deepEqual(await ids("?metadata.color=red&status=stopped"), [gone]);
  assert.deepEqual(await ids(`?${new URLSearchParams({ "metadata.a.b=c&d": "ü %" })}`), [blue]);
  assert.deepEqual(await ids("?metadata.color=re"), []);
});

test("A2: another team sees nothing of it", async () => {
  const stranger = await plane.newMember();
  assert.deepEqual((await api.get("/v1/sandboxes", { key: stranger.key })).body, []);
});

test("pages follow each other by Link without repeating or missing any, also among rows of one millisecond", async () => {
  await using other = await teamWithHosts(plane);
  for (let made = 0; made < 7; made++) await other.create({ memory_mb: 128 });
  await db
    .updateTable("sandboxes")
    // The column cannot be set by the program; a test may.
    .set({ created_at: new Date(1_700_000_000_000) } as never)
    .where("team_id", "=", other.member.teamId)
    .execute();
  const seen: string[] = [];
  let next: string | undefined = "/v1/sandboxes?limit=3&status=running";
  const sizes: number[] = [];
  while (next !== undefined) {
    const answer = await api.get(next, { key: other.member.key });
    sizes.push(answer.body.length);
    seen.push(...answer.body.map((sandbox: { id: string }) => sandbox.id));
    next = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get("link") ?? "")?.[1];
    if (next) assert.match(next, /status=running/);
  }
  assert.deepEqual(sizes, [3, 3, 1]);
  assert.equal(new Set(seen).size, 7);
});

test("wrong queries are 400 and say what is wrong", async () => {
  const cases: [string, RegExp][] = [
    ["?state=running", /state is not known here/],
    ["?status=dead", /status\[0\] must be one of pending/],
    ["?limit=0", /limit must be >= 1/],
    ["?limit=101", /limit must be <= 100/],
    ["?limit=ten", /limit must be integer/],
    ["?cursor=zzz", /cursor must come from a Link header/],
    ["?metadata.a=%00", /metadata\.a must be whole/],
    ["?metadata.a%00=b", /not known here/],
    ["?metadata.=b", /not known here/],
  ];
  for (const [query, message] of cases) {
    const answer = await api.get(`/v1/sandboxes${query}`, { key });
    assert.equal(answer.status, 400, query);
    assert.match(answer.body.error.message, message);
  }
});
