/** The real guest agent as a plain process on loopback, for tests. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { connectEnvd, type EnvdClient } from "../envd-client.ts";
import type { GuestLimits } from "../guest-limits.ts";

const CHECKOUT = fileURLToPath(new URL("../../../../../", import.meta.url));

export interface RealGuest extends AsyncDisposable {
  readonly client: EnvdClient;
  readonly address: string;
  readonly port: number;
  readonly pid: number;
  readonly accessToken: string;
  /** The user that commands run as. */
  readonly user: string;
  /** A client of its own, such as another agent would be. */
  connect(limits?: Partial<GuestLimits>): EnvdClient;
  kill(): Promise<void>;
}

/** Starts envd and gives it an identity. */
export async function realGuest(): Promise<RealGuest> {
  await using resources = new AsyncDisposableStack();
  const child = spawn(
    program(),
    ["serve", "--listen", "127.0.0.1:0", "--gateway", "127.0.0.1", "--cgroup", "/nowhere"],
    {
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  resources.defer(() => end(child));
  const port = await portOf(child);
  const address = "127.0.0.1";
  const user = userInfo().username;
  const accessToken = randomBytes(16).toString("hex");
  const client = resources.use(connectEnvd({ address, port }));
  await client.init(
    {
      envVars: { FROM_INIT: "yes" },
      accessToken,
      timestamp: new Date(),
      defaultUser: user,
      hostname: "sandbox",
      entropy: randomBytes(64),
      machineId: randomBytes(16).toString("hex"),
    },
    AbortSignal.timeout(20_000),
  );
  const owned = resources.move();
  return {
    client,
    address,
    port,
    pid: child.pid ?? 0,
    accessToken,
    user,
    connect(limits = {}) {
      return owned.use(connectEnvd({ address, port, accessToken, limits }));
    },
    kill: () => end(child),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function program(): string {
  const cache = process.env.ROOST_CACHE || join(CHECKOUT, ".roost", "cache");
  const path = join(cache, "bin", "envd");
  if (!existsSync(path)) throw new Error(`${path} is not there: build it with ./roost test`);
  return path;
}

async function portOf(child: ChildProcess): Promise<number> {
  if (child.stderr === null) throw new TypeError("envd was started without its standard error");
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    said.push(line);
    const port = /listening on .*:(\d+)$/.exec(line)?.[1];
    if (port === undefined) continue;
    child.stderr.resume();
    return Number(port);
  }
  throw new Error(`envd did not start:\n${said.join("\n")}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}
