import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { startTestControlPlane } from "./testing/control-plane.ts";
import { makeDatabase } from "./testing/database.ts";
import { teamWithHosts } from "./testing/team.ts";
import { announced } from "./testing/until.ts";

interface Running extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly lines: AsyncIterable<string>;
}

/** `node main.ts`, as the launcher starts it. */
function startProcess(environment: Record<string, string>): Running {
  const child = spawn(process.execPath, [join(import.meta.dirname, "main.ts")], {
    cwd: import.meta.dirname,
    env: { PATH: process.env.PATH ?? "", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = once(child, "exit");
  return {
    child,
    lines: createInterface({ input: child.stdout }),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

const ENVIRONMENT = {
  ROOST_LISTEN: "127.0.0.1:0",
  ROOST_METRICS_LISTEN: "127.0.0.1:0",
  ROOST_SECRET: randomBytes(32).toString("hex"),
};

async function readyLine(running: Running): Promise<{ url: string; metrics: string }> {
  for await (const line of running.lines) {
    const entry = JSON.parse(line);
    if (entry.msg === "ready") return entry;
  }
  return assert.fail(`the process ended without being ready: ${await text(running.child.stderr ?? assert.fail())}`);
}

test("the process migrates, serves, says so in JSON lines, and ends in order when told to", async () => {
  await using database = await makeDatabase();
  await using running = startProcess({ ...ENVIRONMENT, DATABASE_URL: database.url });
  const { url, metrics } = await readyLine(running);
  assert.equal((await fetch(`${url}/readyz`)).status, 200);
  assert.equal((await fetch(metrics)).status, 200);
  const exited = once(running.child, "exit");
  running.child.kill("SIGTERM");
  assert.deepEqual(await exited, [0, null]);
});

test("a process that cannot start says why in one sentence and exits with 1", async () => {
  await using database = await makeDatabase();
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const port = (taken.address() as AddressInfo).port;
  const cases: [Record<string, string>, RegExp][] = [
    [
      { ROOST_SIGNUP: "perhaps" },
      /^roost control plane: ROOST_SIGNUP must be closed, invite or open; it is "perhaps"\.\n$/,
    ],
    [{ ROOST_SECRET: "", ROOST_SECRET_FILE: "/no/such" }, /^roost control plane: Set ROOST_SECRET, or make .*\n$/],
    [
      { DATABASE_URL: "postgresql://127.0.0.1:1/x" },
      /^roost control plane: cannot start: The database that DATABASE_URL names does not answer: .*\n$/,
    ],
    [{ ROOST_LISTEN: `127.0.0.1:${port}` }, /^roost control plane: cannot start: listen EADDRINUSE.*\n$/],
  ];
  try {
    for (const [settings, message] of cases) {
      await using running = startProcess({ ...ENVIRONMENT, DATABASE_URL: database.url, ...settings });
      const exited = once(running.child, "exit");
      running.child.stdout?.resume();
      assert.match(await text(running.child.stderr ?? assert.fail()), message);
      assert.deepEqual(await exited, [1, null]);
    }
  } finally {
    taken.close();
  }
});

test("stopping lets a request under way finish, and a create with it", async () => {
  const plane = await startTestControlPlane();
  await using stack = new AsyncDisposableStack();
  const team = stack.use(await teamWithHosts(plane));
  const booting = Promise.withResolvers<void>();
  team.peer.agent.before("createSandbox", () => booting.promise);
  const asked = announced(team.peer.agent, "createSandbox");
  const creating = plane.api.post("/v1/sandboxes", { key: team.member.key });
  await asked;
  const stopped = plane[Symbol.asyncDispose]();
  booting.resolve();
  assert.equal((await creating).status, 201);
  await stopped;
});

test("stopping cuts off what does not finish within the grace", async () => {
  const plane = await startTestControlPlane({ ROOST_STOP_GRACE_SEC: "0" });
  await using stack = new AsyncDisposableStack();
  const team = stack.use(await teamWithHosts(plane));
  const id = await team.create();
  const asked = announced(team.peer.agent, "exec");
  const hanging = plane.api.post(`/v1/sandboxes/${id}/exec`, { key: team.member.key, json: { cmd: "hang" } });
  const cut = assert.rejects(hanging);
  await asked;
  await plane[Symbol.asyncDispose]();
  await cut;
});

test("not ready without its database, and ready again with it", async () => {
  await using plane = await startTestControlPlane();
  const { api, db } = plane;
  assert.deepEqual((await api.get("/readyz")).body, { status: "ok" });
  const url = new URL(plane.config.databaseUrl);
  const name = url.pathname.slice(1);
  const { sql } = await import("kysely");
  const { openDatabase } = await import("./db/database.ts");
  await using stack = new AsyncDisposableStack();
  url.pathname = "/postgres";
  const server = openDatabase({ url: url.href, maxConnections: 1, onIdleError: () => {} });
  stack.defer(() => server.destroy());
  await sql`alter database ${sql.id(name)} with allow_connections false`.execute(server);
  await sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${name}`.execute(server);
  const down = await api.get("/readyz");
  assert.deepEqual([down.status, down.body], [503, { status: "database_unavailable" }]);
  assert.equal((await api.get("/healthz")).status, 200);
  const json = { email: "nobody@example.com", password: "whatever it is" };
  const refused = await api.post("/v1/auth/login", { json });
  assert.deepEqual([refused.status, refused.body.error.code], [503, "database_unavailable"]);
  assert.equal(refused.headers.get("retry-after"), "1", "clients may try again by themselves");
  assert.equal((await fetch(plane.metricsUrl)).status, 503);
  await sql`alter database ${sql.id(name)} with allow_connections true`.execute(server);
  assert.equal((await api.get("/readyz")).status, 200);
  assert.equal((await api.post("/v1/auth/login", { json })).status, 401);
  await db.selectFrom("users").select("id").execute();
});

test("metrics count answers by route, calls to hosts, and what there is, by status", async () => {
  await using plane = await startTestControlPlane();
  await using team = await teamWithHosts(plane);
  const id = await team.create();
  await plane.api.get(`/v1/sandboxes/${id}`, { key: team.member.key });
  await plane.api.get("/v1/nothing");
  const metrics = await (await fetch(plane.metricsUrl)).text();
  for (const line of [
    'roost_http_request_duration_seconds_count{method="GET",route="/v1/sandboxes/:id",status="200"} 1',
    'roost_http_request_duration_seconds_count{method="GET",route="(none)",status="404"} 1',
    'roost_host_call_duration_seconds_count{method="CreateSandbox",code="ok"} 1',
    'roost_sandboxes{status="running"} 1',
    'roost_hosts{status="online"} 1',
  ]) {
    assert.ok(metrics.includes(line), line);
  }
  assert.match(metrics, /process_resident_memory_bytes \d/);
  assert.equal((await fetch(plane.metricsUrl.replace("/metrics", "/"))).status, 404);
  assert.equal((await plane.api.get("/metrics")).status, 404, "not on the API's own port");
});
