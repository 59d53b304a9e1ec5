/**
 * What the control plane is told from outside, checked and in the form that its parts take. Read once, at start: what is wrong
 * is said in one sentence that names the variable.
 */
import { readFileSync } from "node:fs";
import { loadEnvFile } from "node:process";
import type { Rates } from "./http/rate-limits.ts";
import {
  ConfigError,
  type Environment,
  LISTEN_EXPECTS,
  readSettings,
  type SettingName,
  type Settings,
} from "./settings.ts";
import type { Amounts } from "./teams/limits.ts";

export { ConfigError, listSettings } from "./settings.ts";

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
  readonly rates: Rates;
  /** Of teams of which nothing else was said; 0: any amount. */
  readonly teamLimits: Amounts;
  readonly mostOwnedTeams: number;
  /** Whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  /** Of which web pages scripts may call. */
  readonly corsOrigins: readonly string[];
  /** 0: for ever. */
  readonly auditDays: number;
}

/** What one request may ask for. */
export interface Limits {
  readonly maxVcpus: number;
  readonly minMemoryMb: number;
  readonly jsonBodyBytes: number;
  readonly execOutputBytes: number;
  readonly fileBytes: number;
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

function readSecret(settings: Settings): Buffer {
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

function listOf(text: string): string[] {
  return text.split(",").flatMap((part) => part.trim() || []);
}

/** @param burst how many of these spans' requests may come at once. */
function rate(requests: number, perMs: number, burst: number) {
  return requests === 0 ? undefined : { requests, perMs, burst: requests * burst };
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
    rates: {
      api: rate(settings.ROOST_API_RATE_PER_SEC, 1_000, 10),
      logIn: rate(settings.ROOST_LOGIN_RATE_PER_MIN, 60_000, 1),
      wrongPassword: rate(settings.ROOST_WRONG_PASSWORD_RATE_PER_MIN, 60_000, 1),
      signUp: rate(settings.ROOST_SIGNUP_RATE_PER_HOUR, 3_600_000, 1),
    },
    teamLimits: {
      sandboxes: settings.ROOST_TEAM_MAX_SANDBOXES,
      vcpus: settings.ROOST_TEAM_MAX_VCPUS,
      memory_mb: settings.ROOST_TEAM_MAX_MEMORY_MB,
      snapshots: settings.ROOST_TEAM_MAX_SNAPSHOTS,
      disk_mb: settings.ROOST_TEAM_MAX_DISK_MB,
    },
    trustedProxies: listOf(settings.ROOST_TRUSTED_PROXIES),
    corsOrigins: listOf(settings.ROOST_CORS_ORIGINS),
    mostOwnedTeams: settings.ROOST_USER_MAX_TEAMS,
    auditDays: settings.ROOST_AUDIT_DAYS,
  };
}

/** Only the database's address: administration needs no secret. */
export function loadDatabaseUrl(environment: Environment): string {
  return readSettings(environment).DATABASE_URL;
}
