/**
 * Every setting of the control plane, in one table: name, meaning, default, form. `docs/settings.md` and `admin.ts config`
 * say the same; a test compares them.
 */
import { type Static, type TSchema, Type } from "typebox";
import Value from "typebox/value";

/** A setting that is missing or wrong. The message is one sentence for the person who starts the server. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

const MIB = 1024 * 1024;
const LISTEN_PATTERN = "^(\\[[0-9a-fA-F:]+\\]|[^:\\s]+):\\d{1,5}$";
export const LISTEN_EXPECTS = "an address and a port, such as 127.0.0.1:4700";
const ADDRESS = "[0-9a-fA-F:.]+(/\\d{1,3})?";
const ORIGIN = "https?://[A-Za-z0-9.-]+(:\\d{1,5})?";
const WHOLE_NUMBER = "a whole number";

/** `expects` completes the sentence "NAME must be …"; `secret` values are never printed. */
const SETTINGS = Type.Object({
  DATABASE_URL: Type.String({
    default: "postgresql://roost@127.0.0.1:5432/roost",
    pattern: "^postgres(ql)?://",
    description: "The PostgreSQL database (15 or newer) that holds all state.",
    expects: "a PostgreSQL address, such as postgresql://roost@127.0.0.1:5432/roost",
    secret: true,
  }),
  ROOST_DATABASE_POOL: Type.Integer({
    default: 20,
    minimum: 2,
    maximum: 1000,
    description: "The most connections to the database that are open at once.",
    expects: `${WHOLE_NUMBER} from 2 to 1000`,
  }),
  ROOST_LISTEN: Type.String({
    default: "127.0.0.1:4700",
    pattern: LISTEN_PATTERN,
    description: "Where the API listens.",
    expects: LISTEN_EXPECTS,
  }),
  ROOST_ALLOW_PLAIN_HTTP: Type.Enum(["no", "yes"], {
    default: "no",
    description:
      "The API speaks plain HTTP. `yes` lets it listen on other than loopback addresses: only behind a proxy that speaks TLS, or in a network you trust.",
    expects: "yes or no",
  }),
  ROOST_TRUSTED_PROXIES: Type.String({
    default: "",
    pattern: `^${ADDRESS}(,\\s*${ADDRESS})*$`,
    description:
      "Addresses or networks of the proxies before the API, with commas between them: whose `X-Forwarded-For` tells the client's address, for rates and the audit log.",
    expects: "addresses or networks with commas between them, such as 127.0.0.1,10.0.0.0/8",
  }),
  ROOST_CORS_ORIGINS: Type.String({
    default: "",
    pattern: `^${ORIGIN}(,\\s*${ORIGIN})*$`,
    description:
      "Origins of web pages whose scripts may call the API from a browser, with commas between them. None: only pages of the API's own origin.",
    expects: "origins with commas between them, such as https://console.example.com",
  }),
  ROOST_METRICS_LISTEN: Type.String({
    default: "127.0.0.1:4702",
    pattern: LISTEN_PATTERN,
    description: "Where `/metrics` (Prometheus) listens.",
    expects: LISTEN_EXPECTS,
  }),
  ROOST_SECRET: Type.String({
    default: "",
    description:
      "The secret that all others are derived from, at least 32 characters. Losing it locks every host out. When empty, ROOST_SECRET_FILE is read.",
    expects: "at least 32 characters",
    secret: true,
  }),
  ROOST_SECRET_FILE: Type.String({
    default: ".roost/secret",
    description: "The file that holds the secret when ROOST_SECRET is not set.",
    expects: "the path of a readable file",
  }),
  ROOST_SIGNUP: Type.Enum(["closed", "invite", "open"], {
    default: "closed",
    description:
      "Who may sign up: `closed` nobody, `invite` only whom a team invited, `open` everyone. The first account of an install always may.",
    expects: "closed, invite or open",
  }),
  ROOST_USER_MAX_TEAMS: Type.Integer({
    default: 10,
    minimum: 0,
    maximum: 1_000_000,
    description: "How many teams one user may own. 0: any number.",
    expects: `${WHOLE_NUMBER} from 0 to 1000000`,
  }),
  ROOST_TEAM_MAX_SANDBOXES: Type.Integer({
    default: 200,
    minimum: 0,
    maximum: 1_000_000,
    description:
      "How many sandboxes a team may have, paused ones included. 0: any amount. For one team: `admin.ts limits`.",
    expects: `${WHOLE_NUMBER} from 0 to 1000000`,
  }),
  ROOST_TEAM_MAX_VCPUS: Type.Integer({
    default: 256,
    minimum: 0,
    maximum: 1_000_000,
    description:
      "How many vCPUs a team's running sandboxes may have together. 0: any amount. For one team: `admin.ts limits`.",
    expects: `${WHOLE_NUMBER} from 0 to 1000000`,
  }),
  ROOST_TEAM_MAX_MEMORY_MB: Type.Integer({
    default: 262_144,
    minimum: 0,
    maximum: 1_000_000_000,
    description:
      "How much memory a team's running sandboxes may have together, in MiB. 0: any amount. For one team: `admin.ts limits`.",
    expects: `${WHOLE_NUMBER} from 0 to 1000000000`,
  }),
  ROOST_TEAM_MAX_SNAPSHOTS: Type.Integer({
    default: 200,
    minimum: 0,
    maximum: 1_000_000,
    description: "How many snapshots a team may have. 0: any amount. For one team: `admin.ts limits`.",
    expects: `${WHOLE_NUMBER} from 0 to 1000000`,
  }),
  ROOST_TEAM_MAX_DISK_MB: Type.Integer({
    default: 1_048_576,
    minimum: 0,
    maximum: 1_000_000_000,
    description:
      "How much a team's snapshots may hold on disks, in MiB. 0: any amount. For one team: `admin.ts limits`.",
    expects: `${WHOLE_NUMBER} from 0 to 1000000000`,
  }),
  ROOST_API_RATE_PER_SEC: Type.Integer({
    default: 200,
    minimum: 0,
    maximum: 1_000_000,
    description:
      "How many requests a second a team may make in the long run, ten seconds' worth of them at once; without credentials, an address. 0: any number.",
    expects: `${WHOLE_NUMBER} from 0 to 1000000`,
  }),
  ROOST_LOGIN_RATE_PER_MIN: Type.Integer({
    default: 60,
    minimum: 0,
    maximum: 1_000_000,
    description: "How many log-ins and changes of password a minute may come from one address. 0: any number.",
    expects: `${WHOLE_NUMBER} from 0 to 1000000`,
  }),
  ROOST_WRONG_PASSWORD_RATE_PER_MIN: Type.Integer({
    default: 10,
    minimum: 0,
    maximum: 1_000_000,
    description: "How many wrong passwords a minute may come from one address for one account. 0: any number.",
    expects: `${WHOLE_NUMBER} from 0 to 1000000`,
  }),
  ROOST_SIGNUP_RATE_PER_HOUR: Type.Integer({
    default: 20,
    minimum: 0,
    maximum: 1_000_000,
    description: "How many sign-ups an hour may come from one address. 0: any number.",
    expects: `${WHOLE_NUMBER} from 0 to 1000000`,
  }),
  ROOST_AUDIT_DAYS: Type.Integer({
    default: 365,
    minimum: 0,
    maximum: 36_500,
    description: "Days for which the audit log is kept. 0: for ever.",
    expects: `${WHOLE_NUMBER} of days from 0 to 36500`,
  }),
  ROOST_PLACEMENT: Type.Enum(["round-robin"], {
    default: "round-robin",
    description: "How a host is chosen among those that have room for a sandbox.",
    expects: "round-robin",
  }),
  ROOST_LOG_LEVEL: Type.Enum(["trace", "debug", "info", "warn", "error", "fatal"], {
    default: "info",
    description: "The least important kind of log line that is written.",
    expects: "trace, debug, info, warn, error or fatal",
  }),
  ROOST_STOP_GRACE_SEC: Type.Integer({
    default: 30,
    minimum: 0,
    maximum: 3600,
    description: "Seconds that requests under way get to finish when the server is told to stop.",
    expects: `${WHOLE_NUMBER} of seconds from 0 to 3600`,
  }),
  ROOST_CREATE_TIMEOUT_SEC: Type.Integer({
    default: 300,
    minimum: 5,
    maximum: 3600,
    description: "Seconds that a host gets to boot a sandbox.",
    expects: `${WHOLE_NUMBER} of seconds from 5 to 3600`,
  }),
  ROOST_MAX_VCPUS: Type.Integer({
    default: 32,
    minimum: 1,
    maximum: 1024,
    description: "The most vCPUs that a sandbox may ask for.",
    expects: `${WHOLE_NUMBER} from 1 to 1024`,
  }),
  ROOST_MIN_MEMORY_MB: Type.Integer({
    default: 128,
    minimum: 64,
    maximum: 65536,
    description: "The least memory that a sandbox may ask for, in MiB. The most is what the largest host has.",
    expects: `${WHOLE_NUMBER} of MiB from 64 to 65536`,
  }),
  ROOST_JSON_BODY_LIMIT_BYTES: Type.Integer({
    default: MIB,
    minimum: 1024,
    maximum: 64 * MIB,
    description: "The largest JSON body of a request.",
    expects: `${WHOLE_NUMBER} of bytes from 1024 to ${64 * MIB}`,
  }),
  ROOST_EXEC_OUTPUT_LIMIT_BYTES: Type.Integer({
    default: 64 * MIB,
    minimum: 1024,
    maximum: 64 * MIB,
    description: "The most output (stdout and stderr together) that a command's answer holds; beyond it, `truncated`.",
    expects: `${WHOLE_NUMBER} of bytes from 1024 to ${64 * MIB}`,
  }),
  ROOST_FILE_LIMIT_BYTES: Type.Integer({
    default: 100_000_000,
    minimum: 1024,
    maximum: 1024 * MIB,
    description: "The largest file of the buffered routes `files/write` and `files/read`.",
    expects: `${WHOLE_NUMBER} of bytes from 1024 to ${1024 * MIB}`,
  }),
});

export type Settings = Static<typeof SETTINGS>;
export type SettingName = keyof Settings;
export type Environment = Readonly<Record<string, string | undefined>>;

interface Setting {
  readonly type?: string;
  readonly description: string;
  readonly default: string | number;
  readonly expects: string;
  readonly secret?: boolean;
}

function settingsTable(): [SettingName, TSchema & Setting][] {
  return Object.entries(SETTINGS.properties) as unknown as [SettingName, TSchema & Setting][];
}

/** @throws ConfigError for the first setting that is wrong. */
export function readSettings(environment: Environment): Settings {
  const read = settingsTable().map(([name, setting]) => {
    const text = environment[name];
    // A variable set to nothing is one that nobody set: shells and .env files cannot say it otherwise.
    if (text === undefined || text === "") return [name, setting.default];
    const value = setting.type === "integer" && /^-?\d{1,15}$/.test(text) ? Number(text) : text;
    if (Value.Check(setting, value)) return [name, value];
    const found = setting.secret ? "" : `; it is ${JSON.stringify(text)}`;
    throw new ConfigError(`${name} must be ${setting.expects}${found}.`);
  });
  return Object.fromEntries(read) as Settings;
}

export interface ListedSetting {
  readonly name: string;
  readonly description: string;
  readonly default: string | number;
  /** What is in force now; `(set)` for a secret. */
  readonly value: string | number;
}

/** All settings, as `admin.ts config` shows them. */
export function listSettings(environment: Environment): ListedSetting[] {
  const values = readSettings(environment);
  return settingsTable().map(([name, setting]) => {
    const hidden = setting.secret && environment[name];
    return {
      name,
      description: setting.description,
      default: setting.default,
      value: hidden ? "(set)" : values[name],
    };
  });
}
