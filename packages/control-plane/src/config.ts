/**
 * Every setting of the control plane, in one table: name, meaning, default, form. `docs/settings.md` and `admin.ts config`
 * say the same; a test compares them. Read once, at start: what is wrong is said in one sentence that names the variable.
 */
import { readFileSync } from "node:fs";
import { loadEnvFile } from "node:process";
import { type Static, type TSchema, Type } from "typebox";
import Value from "typebox/value";

/** An address that a server listens on. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export interface Config {
  readonly databaseUrl: string;
  readonly databasePool: number;
  readonly listen: ListenAddress;
  readonly metricsListen: ListenAddress;
  /** All other secrets (sessions, host tokens, the certificate authority's key) are derived from this one. */
  readonly secret: Buffer;
  readonly signUp: "closed" | "invite" | "open";
  readonly placement: "round-robin";
  readonly logLevel: string;
  readonly stopGraceMs: number;
  readonly createTimeoutMs: number;
  readonly limits: Limits;
}

/** What one request may ask for. */
export interface Limits {
  readonly maxVcpus: number;
  readonly minMemoryMb: number;
  readonly jsonBodyBytes: number;
  readonly execOutputBytes: number;
  readonly fileBytes: number;
}

/** A setting that is missing or wrong. The message is one sentence for the person who starts the server. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

const MIB = 1024 * 1024;
const LISTEN_PATTERN = "^(\\[[0-9a-fA-F:]+\\]|[^:\\s]+):\\d{1,5}$";
const LISTEN_EXPECTS = "an address and a port, such as 127.0.0.1:4700";
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

type SettingName = keyof Static<typeof SETTINGS>;
type Environment = Readonly<Record<string, string | undefined>>;

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

function readSettings(environment: Environment): Static<typeof SETTINGS> {
  const read = settingsTable().map(([name, setting]) => {
    const text = environment[name];
    // A variable set to nothing is one that nobody set: shells and .env files cannot say it otherwise.
    if (text === undefined || text === "") return [name, setting.default];
    const value = setting.type === "integer" && /^-?\d{1,15}$/.test(text) ? Number(text) : text;
    if (Value.Check(setting, value)) return [name, value];
    const found = setting.secret ? "" : `; it is ${JSON.stringify(text)}`;
    throw new ConfigError(`${name} must be ${setting.expects}${found}.`);
  });
  return Object.fromEntries(read) as Static<typeof SETTINGS>;
}

function parseListen(name: SettingName, text: string): ListenAddress {
  const colon = text.lastIndexOf(":");
  const port = Number(text.slice(colon + 1));
  if (port > 65535) throw new ConfigError(`${name} must be ${LISTEN_EXPECTS}; port ${port} does not exist.`);
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ""), port };
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

function readSecret(settings: Static<typeof SETTINGS>): Buffer {
  let secret = settings.ROOST_SECRET;
  let source = "ROOST_SECRET";
  if (secret === "") {
    source = `ROOST_SECRET_FILE (${settings.ROOST_SECRET_FILE})`;
    try {
      secret = readFileSync(settings.ROOST_SECRET_FILE, "utf8").trim();
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new ConfigError(`Set ROOST_SECRET, or make ROOST_SECRET_FILE the path of a readable file: ${reason}.`);
    }
  }
  if (secret.length < 32) throw new ConfigError(`${source} must hold at least 32 characters.`);
  return Buffer.from(secret, "utf8");
}

/** Settings from a `.env` file in the working folder join the environment, which wins over them. */
export function readEnvFile(): void {
  try {
    loadEnvFile(".env");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
}

/** @throws ConfigError for the first setting that is missing or wrong. */
export function loadConfig(environment: Environment): Config {
  const settings = readSettings(environment);
  const listen = parseListen("ROOST_LISTEN", settings.ROOST_LISTEN);
  if (settings.ROOST_ALLOW_PLAIN_HTTP === "no" && !isLoopback(listen.host)) {
    throw new ConfigError(
      `ROOST_LISTEN must be a loopback address, for the API speaks plain HTTP; put a TLS proxy before it, or set ROOST_ALLOW_PLAIN_HTTP=yes.`,
    );
  }
  return {
    databaseUrl: settings.DATABASE_URL,
    databasePool: settings.ROOST_DATABASE_POOL,
    listen,
    metricsListen: parseListen("ROOST_METRICS_LISTEN", settings.ROOST_METRICS_LISTEN),
    secret: readSecret(settings),
    signUp: settings.ROOST_SIGNUP,
    placement: settings.ROOST_PLACEMENT,
    logLevel: settings.ROOST_LOG_LEVEL,
    stopGraceMs: settings.ROOST_STOP_GRACE_SEC * 1000,
    createTimeoutMs: settings.ROOST_CREATE_TIMEOUT_SEC * 1000,
    limits: {
      maxVcpus: settings.ROOST_MAX_VCPUS,
      minMemoryMb: settings.ROOST_MIN_MEMORY_MB,
      jsonBodyBytes: settings.ROOST_JSON_BODY_LIMIT_BYTES,
      execOutputBytes: settings.ROOST_EXEC_OUTPUT_LIMIT_BYTES,
      fileBytes: settings.ROOST_FILE_LIMIT_BYTES,
    },
  };
}

/** Only the database's address: administration needs no secret. */
export function loadDatabaseUrl(environment: Environment): string {
  return readSettings(environment).DATABASE_URL;
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
