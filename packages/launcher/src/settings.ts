/**
 * Where this Roost lives and listens. One object, made once from the environment by main.ts (or by a test for a Roost of
 * its own) and handed to everything else.
 */
import { createHash } from "node:crypto";
import { join, resolve } from "node:path";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Settings {
  /** The folder that holds `./roost`. */
  readonly checkout: string;
  /** State of this one Roost: credentials, database, sandboxes' disks, logs. */
  readonly home: string;
  /** Expensive things that several Roosts share: programs, kernel, base images. */
  readonly cache: string;
  /** Sockets and mount points of this Roost; gone after a reboot, and short, because socket paths end at 107 bytes. */
  readonly run: string;
  /** npm's entry point; undefined where the launcher was started without `./roost`, which brings it. */
  readonly npm: string | undefined;
  /** `host:port` of the REST API, the control plane's metrics, and the host agent's RPC server. */
  readonly listen: string;
  readonly metricsListen: string;
  readonly agentListen: string;
  /** A PostgreSQL of the user's own; undefined: the launcher runs one. */
  readonly databaseUrl: string | undefined;
  /** What the servers inherit; every process gets only what it needs of it. */
  readonly environment: Environment;
}

export const CHECKOUT = resolve(import.meta.dirname, "../../..");

/** Every setting from the environment, with its default. */
export function readSettings(environment: Environment): Settings {
  const home = resolve(environment.ROOST_HOME || join(CHECKOUT, ".roost"));
  return {
    checkout: CHECKOUT,
    home,
    cache: resolve(environment.ROOST_CACHE || join(CHECKOUT, ".roost", "cache")),
    run: runFolderOf(home),
    npm: environment.ROOST_NPM || undefined,
    listen: environment.ROOST_LISTEN || "127.0.0.1:4700",
    metricsListen: environment.ROOST_METRICS_LISTEN || "127.0.0.1:4702",
    agentListen: environment.ROOST_AGENT_LISTEN || "127.0.0.1:4701",
    databaseUrl: environment.DATABASE_URL || undefined,
    environment,
  };
}

/** The same home has the same run folder, so that `down` finds what `up` made, and a second `up` the first. */
export function runFolderOf(home: string): string {
  return `/run/roost-${createHash("sha256").update(home).digest("hex").slice(0, 8)}`;
}

/** Where a client on this machine reaches a server that listens on `listen`. */
export function localUrl(listen: string): string {
  return `http://${listen.replace(/^(0\.0\.0\.0|\[::\]):/, "127.0.0.1:")}`;
}

/** Files and folders of a Roost's home that more than one part names. */
export const homePaths = {
  credentials: (settings: Settings) => join(settings.home, "credentials.json"),
  secret: (settings: Settings) => join(settings.home, "secret"),
  launcher: (settings: Settings) => join(settings.home, "launcher.json"),
  postgres: (settings: Settings) => join(settings.home, "postgres"),
  agentData: (settings: Settings) => join(settings.home, "data"),
  logs: (settings: Settings) => join(settings.home, "logs"),
} as const;

/** The programs that cargo builds. */
export const PROGRAMS = ["envd", "roost-keeper", "roost-confine", "roost-disk", "roost-tsc-rate"] as const;

export type Program = (typeof PROGRAMS)[number];

export function programPath(settings: Settings, program: Program): string {
  return join(settings.cache, "bin", program);
}

/** What QEMU is started with, to get its guest's memory from the keeper: a shared library beside the programs. */
export function preloadLibraryPath(settings: Settings): string {
  return join(settings.cache, "bin", PRELOAD_LIBRARY);
}

export const PRELOAD_LIBRARY = "libroost_qemu_preload.so";
