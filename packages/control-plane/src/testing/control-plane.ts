/** A whole control plane in the test's own process, on a database of its own, spoken to over HTTP. */
import { randomBytes } from "node:crypto";
import { Writable } from "node:stream";
import { type Config, loadConfig } from "../config.ts";
import { startControlPlane } from "../control-plane.ts";
import { type Database, openDatabase } from "../db/database.ts";
import { migrateUp } from "../db/migrate.ts";
import { openLog } from "../log.ts";
import { createAdmin } from "../users/users.ts";
import { Api } from "./api.ts";
import { makeDatabase } from "./database.ts";

export interface Member {
  readonly email: string;
  readonly session: string;
  readonly userId: string;
  readonly teamId: string;
  readonly key: string;
}

export interface TestControlPlane extends AsyncDisposable {
  readonly api: Api;
  readonly metricsUrl: string;
  readonly config: Config;
  /** The same database, to look at rows and to age them. */
  readonly db: Database;
  /** Everything that was logged. */
  readonly log: () => string;
  readonly admin: Member;
  /** Someone with a team of their own. */
  newMember(): Promise<Member>;
}

export const PASSWORD = "correct horse battery";

export async function startTestControlPlane(
  settings: Record<string, string> = {},
  now?: () => Date,
): Promise<TestControlPlane> {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await makeDatabase());
  const config = loadConfig({
    DATABASE_URL: database.url,
    ROOST_LISTEN: "127.0.0.1:0",
    ROOST_METRICS_LISTEN: "127.0.0.1:0",
    ROOST_SECRET: randomBytes(32).toString("hex"),
    ROOST_SIGNUP: "open",
    ROOST_DATABASE_POOL: "10",
    ROOST_LOG_LEVEL: "debug",
    // Tests ask as fast as they can, all from one address.
    ROOST_API_RATE_PER_SEC: "0",
    ROOST_LOGIN_RATE_PER_MIN: "0",
    ROOST_WRONG_PASSWORD_RATE_PER_MIN: "0",
    ROOST_SIGNUP_RATE_PER_HOUR: "0",
    ...settings,
  });
  const db = openDatabase({ url: database.url, maxConnections: 4, onIdleError: () => {} });
  stack.defer(() => db.destroy());
  await migrateUp(db);
  const lines: string[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  const controlPlane = stack.use(await startControlPlane(config, openLog(config.logLevel, sink), now));
  const api = await Api.at(controlPlane.url);
  const email = "admin@example.com";
  await createAdmin(db, email, PASSWORD);
  const loggedIn = await api.post("/v1/auth/login", { json: { email, password: PASSWORD } });
  const resources = stack.move();
  return {
    api,
    metricsUrl: controlPlane.metricsUrl,
    config,
    db,
    log: () => lines.join(""),
    admin: await withKey(api, loggedIn.body),
    newMember: () => signUp(api),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

async function signUp(api: Api): Promise<Member> {
  const email = `member-${randomBytes(6).toString("hex")}@example.com`;
  const signedUp = await api.post("/v1/auth/signup", { json: { email, password: PASSWORD } });
  return withKey(api, signedUp.body);
}

async function withKey(
  api: Api,
  opened: { token: string; user_id: string; team_id: string; email: string },
): Promise<Member> {
  const { token: session, user_id: userId, team_id: teamId, email } = opened;
  const made = await api.post("/v1/api-keys", { session, json: { name: "tests" } });
  return { email, session, userId, teamId, key: made.body.key };
}
