/**
 * One whole Roost: PostgreSQL, control plane and host agent, each started when what it builds on serves, each started again when it
 * dies.
 *
 *     PostgreSQL ready → control plane ready → admin, API key → host agent joins → online
 *
 * Down goes the other way, and once the agent is gone its teardown pauses the sandboxes: it needs no control plane for that, which
 * hears of it from the next agent.
 */
import { mkdir, rm } from "node:fs/promises";
import { performance } from "node:perf_hooks";
import type { Roost } from "@roost/sdk";
import { sentenceOf } from "../failure.ts";
import { databaseUrlOf } from "../postgres/layout.ts";
import { checkOwnDatabase } from "../postgres/own-database.ts";
import { layoutOf, startPostgres, untilReady } from "../postgres/server.ts";
import { homePaths, type Settings } from "../settings.ts";
import { backOff } from "./back-off.ts";
import { controlPlaneReady, startControlPlane } from "./control-plane.ts";
import { type Credentials, ensureCredentials, openSession } from "./credentials.ts";
import { putHostToRest, restInWords, startHostAgent } from "./host-agent.ts";
import { hostOnline, joinToken } from "./membership.ts";
import { Service, type ServiceEvent, type ServiceSpec } from "./service.ts";

export type ServiceName = "postgres" | "control-plane" | "host-agent";

export type RoostEvent =
  | { readonly kind: "service"; readonly service: ServiceName; readonly event: ServiceEvent }
  | { readonly kind: "note"; readonly text: string };

export interface RunningRoost {
  readonly credentials: Credentials;
  readonly databaseUrl: string;
  /** `postgres` is there unless DATABASE_URL names another. */
  readonly services: ReadonlyMap<ServiceName, Service>;
  /** Pauses the sandboxes, stops everything; nothing of it runs afterwards. Safe to call again. */
  stop(): Promise<void>;
}

/** Returns once everything serves; when it cannot, what was started is stopped again. */
export async function startRoost(
  settings: Settings,
  onEvent: (event: RoostEvent) => void,
  signal: AbortSignal,
): Promise<RunningRoost> {
  const services = new Map<ServiceName, Service>();
  const note = (text: string) => onEvent({ kind: "note", text });
  const run = async (spec: ServiceSpec & { readonly name: ServiceName }) => {
    signal.throwIfAborted();
    const service = new Service(spec, {
      onEvent: (event) => onEvent({ kind: "service", service: spec.name, event }),
      backOff: backOff(),
      now: () => performance.now(),
    });
    services.set(spec.name, service);
    await Promise.race([service.firstReady, rejectionOf(signal)]);
  };
  const stop = once(() => stopRoost(settings, services, note));
  try {
    await mkdir(settings.home, { recursive: true, mode: 0o700 });
    await mkdir(homePaths.agentData(settings), { recursive: true, mode: 0o700 });
    await mkdir(settings.run, { recursive: true, mode: 0o755 });
    const databaseUrl = await startDatabase(settings, note, run);
    await run({
      name: "control-plane",
      start: () => startControlPlane(settings, databaseUrl),
      ready: (life) => controlPlaneReady(settings, life),
      stopSignal: "SIGTERM",
      stopPatienceMs: 45_000,
    });
    const opened = await ensureCredentials(settings, databaseUrl, signal);
    let life: { readonly session: Roost; readonly startedAt: Date } | undefined;
    await run({
      name: "host-agent",
      async start(stopping) {
        const session = await openSession(settings, opened, stopping);
        const token = await joinToken(settings, session, note, stopping);
        life = { session, startedAt: new Date() };
        return startHostAgent(settings, token);
      },
      async ready(ended) {
        if (life !== undefined) await hostOnline(settings, life.session, life.startedAt, ended);
      },
      stopSignal: "SIGTERM",
      stopPatienceMs: 30_000,
    });
    return { credentials: opened, databaseUrl, services, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startDatabase(
  settings: Settings,
  note: (text: string) => void,
  run: (spec: ServiceSpec & { readonly name: ServiceName }) => Promise<void>,
): Promise<string> {
  if (settings.databaseUrl !== undefined) {
    await checkOwnDatabase(settings.databaseUrl);
    return settings.databaseUrl;
  }
  const layout = await layoutOf(settings);
  await run({
    name: "postgres",
    start: (signal) => startPostgres(settings, layout, note, signal),
    ready: (life) => untilReady(layout, life),
    // "Fast": sessions are ended, everything is written out.
    stopSignal: "SIGINT",
    stopPatienceMs: 60_000,
  });
  return databaseUrlOf(layout);
}

async function stopRoost(
  settings: Settings,
  services: ReadonlyMap<ServiceName, Service>,
  note: (text: string) => void,
): Promise<void> {
  await services.get("host-agent")?.stop();
  await putHostToRest(settings, () => {}).then(
    (rest) => note(restInWords(rest)),
    (error: unknown) => note(`the sandboxes could not be paused: ${sentenceOf(error)}`),
  );
  await services.get("control-plane")?.stop();
  await services.get("postgres")?.stop();
  await rm(settings.run, { recursive: true, force: true });
}

function rejectionOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

function once<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => {
    running ??= work();
    return running;
  };
}
