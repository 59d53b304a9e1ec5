/**
 * Every route of the server × every kind of credentials that must not open it, generated from the routes themselves: a route that is
 * not in `ROUTES` fails. Refusals are the same whether a thing is another's or was never there.
 */
import assert from "node:assert/strict";
import { createHmac, randomBytes } from "node:crypto";
import { after, test } from "node:test";
import { newId } from "@roost/protocol/ids";
import { sql } from "kysely";
import { deriveKey } from "../secrets/derive.ts";
import { askStream } from "../testing/ask-stream.ts";
import { PASSWORD, startTestControlPlane } from "../testing/control-plane.ts";
import { teamWithHosts } from "../testing/team.ts";
import { guardedRoutes } from "./api-document/document.ts";

let clock = Date.now();
const plane = await startTestControlPlane({}, () => new Date(clock));
const [owned, others] = [await teamWithHosts(plane), await teamWithHosts(plane)];
after(async () => {
  await owned[Symbol.asyncDispose]();
  await others[Symbol.asyncDispose]();
  await plane[Symbol.asyncDispose]();
});
const { api, db } = plane;
const { member: owner, peer } = owned;
const { member: stranger } = others;

/** What the team has, and what it would have if it had never been there. */
const things = {
  sandbox: await owned.create(),
  host: peer.id,
  team: owner.teamId,
  user: owner.userId,
  key: (await api.get("/v1/api-keys", { session: owner.session })).body[0].id as string,
  invite: (await api.post(`/v1/teams/${owner.teamId}/invites`, { session: owner.session, json: { email: "a@b.c" } }))
    .body.id as string,
  snapshot: "of-the-team",
};
await api.post("/v1/snapshots", {
  key: owner.key,
  json: { sandbox_id: things.sandbox, name: things.snapshot, leave: "running" },
});
type Things = typeof things;

const nothing: Things = {
  sandbox: newId("sandbox", randomBytes),
  host: newId("host", randomBytes),
  team: newId("team", randomBytes),
  user: newId("user", randomBytes),
  key: newId("apiKey", randomBytes),
  invite: newId("invite", randomBytes),
  // As long as the other: so are the answers that say it.
  snapshot: "never-there",
};

interface Way {
  /** Of the things that its path or body names; undefined: it names none, and shows a team its own. */
  readonly path: (of: Things) => string;
  readonly json?: (of: Things) => object;
  /** Sent as a form. */
  readonly form?: true;
  /** Sent as they are. */
  readonly bytes?: true;
  readonly stream?: true;
  /** Names no thing of a team's: a stranger gets something of their own, or makes it. */
  readonly own?: true;
}

const sandbox = (rest: string, json?: object): Way => ({
  path: (of) => `/v1/sandboxes/${of.sandbox}${rest}`,
  ...(json ? { json: () => json } : {}),
});
const host = (rest = ""): Way => ({ path: (of) => `/v1/hosts/${of.host}${rest}` });
const team = (rest: (of: Things) => string, json?: object): Way => ({
  path: (of) => `/v1/teams/${of.team}${rest(of)}`,
  ...(json ? { json: () => json } : {}),
});
const own = (path: string, json?: object): Way => ({
  path: () => path,
  own: true,
  ...(json ? { json: () => json } : {}),
});

/** For anyone: there is nothing to refuse. Each has tests of its own. */
const OPEN = [
  "POST /v1/auth/signup",
  "POST /v1/auth/login",
  "POST /v1/hosts/register",
  "POST /v1/hosts/auth/refresh",
  "GET /healthz",
  "GET /readyz",
  "GET /openapi.json",
];

const ROUTES: Readonly<Record<string, Way>> = {
  "POST /v1/auth/switch": { path: () => "/v1/auth/switch", json: (of) => ({ team_id: of.team }) },
  "POST /v1/auth/password": own("/v1/auth/password", { current_password: "wrong", new_password: "12345678" }),
  "GET /v1/me": own("/v1/me"),
  "GET /v1/teams": own("/v1/teams"),
  "POST /v1/teams": own("/v1/teams", { name: "x" }),
  "GET /v1/teams/:id": team(() => ""),
  "PATCH /v1/teams/:id": team(() => "", { name: "mine" }),
  "GET /v1/teams/:id/audit": team(() => "/audit"),
  "GET /v1/teams/:id/members": team(() => "/members"),
  "PATCH /v1/teams/:id/members/:user_id": team((of) => `/members/${of.user}`, { role: "member" }),
  "DELETE /v1/teams/:id/members/:user_id": team((of) => `/members/${of.user}`),
  "POST /v1/teams/:id/invites": team(() => "/invites", { email: "x@y.z" }),
  "GET /v1/teams/:id/invites": team(() => "/invites"),
  "DELETE /v1/teams/:id/invites/:invite_id": team((of) => `/invites/${of.invite}`),
  "POST /v1/invites/accept": { path: () => "/v1/invites/accept", json: (of) => ({ token: `rsti_${of.invite}` }) },
  "GET /v1/limits": own("/v1/limits"),
  "POST /v1/api-keys": own("/v1/api-keys", { name: "x" }),
  "GET /v1/api-keys": own("/v1/api-keys"),
  "DELETE /v1/api-keys/:id": { path: (of) => `/v1/api-keys/${of.key}` },
  "POST /v1/sandboxes": { path: () => "/v1/sandboxes", json: (of) => ({ template: of.snapshot }) },
  "GET /v1/sandboxes": own("/v1/sandboxes?status=running"),
  "GET /v1/sandboxes/:id": sandbox(""),
  "DELETE /v1/sandboxes/:id": sandbox(""),
  "POST /v1/sandboxes/:id/pause": sandbox("/pause"),
  "POST /v1/sandboxes/:id/resume": sandbox("/resume"),
  "POST /v1/sandboxes/:id/ping": sandbox("/ping"),
  "POST /v1/sandboxes/:id/exec": sandbox("/exec", { cmd: "true" }),
  "GET /v1/sandboxes/:id/logs": sandbox("/logs"),
  "POST /v1/sandboxes/:id/files/write": { ...sandbox("/files/write"), form: true },
  "POST /v1/sandboxes/:id/files/read": sandbox("/files/read", { path: "/etc/hostname" }),
  "POST /v1/sandboxes/:id/files/stream/write": { ...sandbox("/files/stream/write?path=/tmp/x"), bytes: true },
  "POST /v1/sandboxes/:id/files/stream/read": sandbox("/files/stream/read", { path: "/etc/hostname" }),
  "POST /v1/sandboxes/:id/files/list": sandbox("/files/list", { path: "/" }),
  "POST /v1/sandboxes/:id/files/stat": sandbox("/files/stat", { path: "/" }),
  "POST /v1/sandboxes/:id/files/mkdir": sandbox("/files/mkdir", { path: "/tmp/x" }),
  "POST /v1/sandboxes/:id/files/remove": sandbox("/files/remove", { path: "/tmp/x" }),
  "POST /v1/sandboxes/:id/files/move": sandbox("/files/move", { path: "/tmp/x", destination: "/tmp/y" }),
  "GET /v1/sandboxes/:id/processes": sandbox("/processes"),
  "DELETE /v1/sandboxes/:id/processes/:process": sandbox("/processes/1"),
  "GET /v1/sandboxes/:id/exec/stream": { ...sandbox("/exec/stream"), stream: true },
  "GET /v1/sandboxes/:id/pty": { ...sandbox("/pty"), stream: true },
  "GET /v1/sandboxes/:id/files/watch": { ...sandbox("/files/watch"), stream: true },
  "POST /v1/snapshots": { path: () => "/v1/snapshots", json: (of) => ({ sandbox_id: of.sandbox, name: "x" }) },
  "GET /v1/snapshots": own("/v1/snapshots"),
  "DELETE /v1/snapshots/:name": { path: (of) => `/v1/snapshots/${of.snapshot}` },
  "POST /v1/hosts": own("/v1/hosts", { type: "byoc" }),
  "GET /v1/hosts": own("/v1/hosts"),
  "GET /v1/hosts/:id": host(),
  "DELETE /v1/hosts/:id": host(),
  "POST /v1/hosts/:id/token": host("/token"),
  "POST /v1/hosts/:id/heartbeat": {
    path: (of) => `/v1/hosts/${of.host}/heartbeat`,
    json: () => ({ load: { sandboxes: 0, vcpus: 0, memory_mb: 0, disk_free_mb: 0 }, sandboxes: [] }),
  },
};

interface Credentials {
  readonly key?: string;
  readonly session?: string;
  readonly host?: string;
}

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

function signed(header: object, claims: object, key: Uint8Array): string {
  const text = `${part(header)}.${part(claims)}`;
  return `${text}.${createHmac("sha256", key).update(text).digest("base64url")}`;
}

/** Those that are nobody's, by what is wrong with them. */
async function worthless(): Promise<Record<string, Credentials>> {
  const { session } = owner;
  const [head = "", claims = "", signature = ""] = session.split(".");
  const { kid } = JSON.parse(Buffer.from(head, "base64url").toString());
  const said = JSON.parse(Buffer.from(claims, "base64url").toString());
  const makeKey = async () => (await api.post("/v1/api-keys", { session, json: { name: "to go" } })).body;
  const [deleted, ended] = [await makeKey(), await makeKey()];
  await api.delete(`/v1/api-keys/${deleted.id}`, { session });
  await db.updateTable("team_api_keys").set({ expires_at: sql<Date>`now()` }).where("id", "=", ended.id).execute();
  clock -= 7 * 3600_000;
  const old = (await api.post("/v1/auth/login", { json: { email: owner.email, password: PASSWORD } })).body.token;
  clock += 7 * 3600_000;
  const passed = await plane.newMember();
  await db.updateTable("users_teams").set({ team_id: owner.teamId }).where("user_id", "=", passed.userId).execute();
  const was = await api.post("/v1/auth/login", { json: { email: passed.email, password: PASSWORD } });
  await api.delete(`/v1/teams/${owner.teamId}/members/${passed.userId}`, { session });
  const changed = await plane.newMember();
  const passwords = { current_password: PASSWORD, new_password: "another horse" };
  await api.post("/v1/auth/password", { session: changed.session, json: passwords });
  return {
    none: {},
    "empty ones": { key: "", session: "" },
    "deleted key": { key: deleted.key },
    "ended key": { key: ended.key },
    "unknown key": { key: `rst_${"0".repeat(64)}` },
    "key's beginning": { key: owner.key.slice(0, 12) },
    "expired session": { session: old },
    "tampered session": { session: `${head}.${part({ ...said, team: stranger.teamId })}.${signature}` },
    "unsigned session": { session: `${head}.${claims}.` },
    "alg none": { session: `${part({ alg: "none", kid })}.${claims}.` },
    "own signature": { session: signed({ alg: "HS256", kid }, said, randomBytes(32)) },
    "another secret": {
      session: signed({ alg: "HS256", kid }, said, deriveKey(randomBytes(32), `session-token/${kid}`)),
    },
    "removed member": { session: was.body.token },
    "changed password": { session: changed.session },
    "host token as session": { session: peer.token },
    "host token as key": { key: peer.token },
    "registration token": { key: peer.registrationToken, host: peer.registrationToken },
    "refresh token": { session: peer.refreshToken, host: peer.refreshToken },
    "session as key": { key: session },
    "key as session": { session: owner.key },
  };
}

const NOBODYS = await worthless();
/** Good ones, of the wrong kind for some routes. */
const MISPLACED = {
  "session-only": { "own team's key": { key: owner.key }, "host token": { host: peer.token } },
  "team-only": { "host token": { host: peer.token } },
  "host-only": { "own team's key": { key: owner.key }, "own session": { session: owner.session } },
};

interface Refusal {
  readonly status: number;
  readonly body: unknown;
}

async function ask(method: string, way: Way, of: Things, credentials: Credentials): Promise<Refusal> {
  if (way.stream) return await askStream(api.url, way.path(of), credentials);
  const form = new FormData();
  form.append("path", "/tmp/x");
  form.append("file", new Blob(["x"]));
  const bytes = { headers: { "content-type": "application/octet-stream" }, body: "x" };
  const content = way.bytes ? bytes : way.form ? { body: form } : way.json ? { json: way.json(of) } : {};
  const { status, body, headers } = await api.call(method, way.path(of), { ...credentials, ...content });
  // Whatever could tell one refusal from another.
  const telling = [...headers].filter(([name]) => !["date", "request_id", "keep-alive", "connection"].includes(name));
  // An answer may say the name that was asked for again.
  return { status, body: JSON.stringify([body, telling]).replaceAll(of.snapshot, "NAME") };
}

const routes = (await guardedRoutes()).filter(({ method }) => method !== "HEAD");

test("every route of the server is in the table of this test, and no other", () => {
  const served = routes.map(({ method, url }) => `${method} ${url}`);
  assert.deepEqual(served.toSorted(), [...OPEN, ...Object.keys(ROUTES)].toSorted());
  const open = routes.filter(({ access }) => access === "anyone").map(({ method, url }) => `${method} ${url}`);
  assert.deepEqual(open.toSorted(), OPEN.toSorted());
});

for (const { method, url, access } of routes) {
  const way = ROUTES[`${method} ${url}`];
  if (!way) continue;
  test(`A2, A3: ${method} ${url} refuses every kind of credentials that is not its own`, async (t) => {
    const told = new Map<string, string[]>();
    const tell = (outcome: string, name: string) => told.set(outcome, [...(told.get(outcome) ?? []), name]);
    const refused = async (name: string, credentials: Credentials, status: number) => {
      const [there, never] = [
        await ask(method, way, things, credentials),
        await ask(method, way, nothing, credentials),
      ];
      assert.equal(there.status, status, `${name}: ${JSON.stringify(there.body)}`);
      assert.deepEqual(there, never, `${name}: what is another's is told from what is not there`);
      tell(String(status), name);
    };
    const misplaced = {
      session: "session-only",
      "key-or-session": "team-only",
      host: "host-only",
      anyone: "team-only",
    } as const;
    for (const [name, credentials] of Object.entries({ ...NOBODYS, ...MISPLACED[misplaced[access]] })) {
      await refused(name, credentials, 401);
    }
    if (access === "host") {
      await refused("another host's token", { host: others.peer.token }, 403);
    } else {
      const good = { "another team's session": { session: stranger.session } };
      const keys = access === "session" ? {} : { "another team's key": { key: stranger.key } };
      for (const [name, credentials] of Object.entries({ ...good, ...keys })) {
        if (!way.own) await refused(name, credentials, 404);
        else {
          const answer: string = JSON.stringify(await ask(method, way, things, credentials));
          for (const secret of [...Object.values(things), owner.email, peer.address])
            assert.ok(!answer.includes(secret), secret);
          tell("nothing of the team's", name);
        }
      }
    }
    const lines = [...told].map(([outcome, names]) => `${outcome}: ${names.join(", ")}`);
    t.diagnostic(`${method} ${url} → ${lines.join(" | ")}`);
  });
}

test("A2: after all that, everything of the team's is as it was", async () => {
  const { session, key } = owner;
  assert.equal((await api.get(`/v1/sandboxes/${things.sandbox}`, { key })).body.status, "running");
  assert.equal((await api.get(`/v1/teams/${things.team}`, { session })).body.name, owner.email);
  assert.equal((await api.get(`/v1/teams/${things.team}/members`, { session })).body[0].role, "owner");
  assert.equal((await api.get(`/v1/teams/${things.team}/invites`, { session })).body.length, 1);
  assert.ok(
    (await api.get("/v1/snapshots", { key })).body.some(({ name }: { name: string }) => name === things.snapshot),
  );
  assert.equal((await api.get(`/v1/hosts/${things.host}`, { session })).body.status, "online");
});

test("no secret that was shown anywhere above is in the log", () => {
  const log = plane.log();
  const shown = Object.values(NOBODYS).flatMap((credentials) => Object.values(credentials));
  for (const secret of [...shown, owner.key, owner.session, stranger.session, stranger.key, PASSWORD]) {
    if (secret.length > 12) assert.ok(!log.includes(secret), secret);
  }
});
