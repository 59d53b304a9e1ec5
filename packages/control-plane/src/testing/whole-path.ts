/** The whole way of a stream in processes of their own, as in a running Roost: control plane, agent, guest agent. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { IdentityFolder, type RealGuest, realGuest } from "@roost/host-agent/testing";
import { SERVER_FLAGS } from "@roost/launcher/server-flags";
import { openDatabase } from "../db/database.ts";
import { createAdmin } from "../users/users.ts";
import type { AgentProcessOptions } from "./agent-process.ts";
import { Api } from "./api.ts";
import { makeDatabase } from "./database.ts";
import { freePort } from "./guest-host.ts";
import { machineFacts } from "./peer-host.ts";

export interface WholePath extends AsyncDisposable {
  /** Of the one sandbox: `http://…/v1/sandboxes/<id>`. */
  readonly url: string;
  readonly key: string;
  readonly guest: RealGuest;
  /** A folder of this machine, and so of the guest. */
  readonly folder: string;
  readonly pids: { readonly controlPlane: number; readonly agent: number; readonly guest: number };
}

const EMAIL = "admin@example.com";
const PASSWORD = "correct horse battery";

export async function wholePath(): Promise<WholePath> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "roost-path-"));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const database = stack.use(await makeDatabase());
  const { child: controlPlane, url } = await startControlPlane(database.url);
  stack.defer(() => end(controlPlane));
  const db = openDatabase({ url: database.url, maxConnections: 1, onIdleError: () => {} });
  await createAdmin(db, EMAIL, PASSWORD);
  await db.destroy();
  const guest = stack.use(await realGuest());
  const api = await Api.at(url);
  const { token: session } = (await api.post("/v1/auth/login", { json: { email: EMAIL, password: PASSWORD } })).body;
  const { key } = (await api.post("/v1/api-keys", { session, json: { name: "tests" } })).body;
  const agent = await joinAgent(api, session, guest, join(folder, "identity"));
  stack.defer(() => end(agent));
  const made = await api.post("/v1/sandboxes", { key, json: {} });
  if (made.status !== 201) throw new Error(`no sandbox: ${JSON.stringify(made.body)}`);
  const owned = stack.move();
  return {
    url: `${url}/v1/sandboxes/${made.body.id}`,
    key,
    guest,
    folder,
    pids: { controlPlane: controlPlane.pid ?? 0, agent: agent.pid ?? 0, guest: guest.pid },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** What a process holds of the machine's memory now. */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
}

async function startControlPlane(databaseUrl: string): Promise<{ child: ChildProcess; url: string }> {
  const env = {
    PATH: process.env.PATH,
    MALLOC_ARENA_MAX: "2",
    DATABASE_URL: databaseUrl,
    ROOST_LISTEN: "127.0.0.1:0",
    ROOST_METRICS_LISTEN: "127.0.0.1:0",
    ROOST_SECRET: randomBytes(32).toString("hex"),
    ROOST_API_RATE_PER_SEC: "0",
  };
  const program = fileURLToPath(new URL("../main.ts", import.meta.url));
  const child = spawn(process.execPath, [...SERVER_FLAGS, program], { env, stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: child.stdout })) {
    const { msg, url } = JSON.parse(line) as { msg?: string; url?: string };
    if (msg !== "ready" || url === undefined) continue;
    child.stdout.resume();
    return { child, url };
  }
  throw new Error("the control plane did not start");
}

async function joinAgent(api: Api, session: string, guest: RealGuest, folder: string): Promise<ChildProcess> {
  const announced = await api.post("/v1/hosts", { session, json: {} });
  const identity = await IdentityFolder.open(folder);
  const port = await freePort();
  const csr = await identity.key.certificateRequest();
  const json = { token: announced.body.registration_token, csr, ...machineFacts(`127.0.0.1:${port}`) };
  const { body: joined } = await api.post("/v1/hosts/register", { json });
  const { certificate, ca, token, refresh_token: refreshToken } = joined;
  await identity.save({ hostId: joined.host.id, certificate, ca, token, refreshToken });
  const { address, accessToken } = guest;
  const options: AgentProcessOptions = { identity: folder, port, guest: { address, port: guest.port, accessToken } };
  const program = fileURLToPath(new URL("./agent-process.ts", import.meta.url));
  const child = spawn(process.execPath, [...SERVER_FLAGS, program, JSON.stringify(options)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  const load = { sandboxes: 0, vcpus: 0, memory_mb: 0, disk_free_mb: 50_000 };
  await api.post(`/v1/hosts/${joined.host.id}/heartbeat`, { host: token, json: { load, sandboxes: [] } });
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  if (child.stdin) child.stdin.end();
  else child.kill("SIGTERM");
  await gone;
}
