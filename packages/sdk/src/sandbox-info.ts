/** A sandbox's facts: as this package names them, as the REST API writes them, and the way between the two. */
import type * as wire from "./gen/wire.ts";

export type SandboxStatus = wire.Sandbox["status"];

export const SANDBOX_STATUSES = [
  "pending",
  "starting",
  "running",
  "pausing",
  "paused",
  "resuming",
  "stopping",
  "stopped",
  "missing",
  "error",
] as const satisfies readonly SandboxStatus[];

export interface SandboxInfo {
  readonly id: string;
  readonly status: SandboxStatus;
  /** The base image or snapshot it was created from. */
  readonly template: string;
  readonly vcpus: number;
  readonly memoryMb: number;
  /** Idle for so long, it pauses by itself; 0: never. */
  readonly timeoutSec: number;
  /** Whether it reaches anything outside itself. */
  readonly internet: boolean;
  /** Null until a host was chosen. */
  readonly hostId: string | null;
  /** The address at which its host reaches it; null unless it runs. */
  readonly guestIp: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly lastActiveAt: Date | null;
  /** When its status last changed. */
  readonly lastUpdated: Date;
  /** Why its status is `error`, or what a step waits for. */
  readonly error: string | null;
}

/** As in the REST contract. */
export type SandboxWire = wire.Sandbox;

export function sandboxFromWire(wire: SandboxWire): SandboxInfo {
  return {
    id: wire.id,
    status: wire.status,
    template: wire.template,
    vcpus: wire.vcpus,
    memoryMb: wire.memory_mb,
    timeoutSec: wire.timeout_sec,
    internet: wire.internet,
    hostId: wire.host_id,
    guestIp: wire.guest_ip,
    metadata: wire.metadata,
    createdAt: new Date(wire.created_at),
    startedAt: wire.started_at === null ? null : new Date(wire.started_at),
    lastActiveAt: wire.last_active_at === null ? null : new Date(wire.last_active_at),
    lastUpdated: new Date(wire.last_updated),
    error: wire.error ?? null,
  };
}

export function sandboxToWire(sandbox: SandboxInfo): SandboxWire {
  return {
    id: sandbox.id,
    status: sandbox.status,
    template: sandbox.template,
    vcpus: sandbox.vcpus,
    memory_mb: sandbox.memoryMb,
    timeout_sec: sandbox.timeoutSec,
    internet: sandbox.internet,
    host_id: sandbox.hostId,
    guest_ip: sandbox.guestIp,
    metadata: sandbox.metadata,
    created_at: sandbox.createdAt.toISOString(),
    started_at: sandbox.startedAt?.toISOString() ?? null,
    last_active_at: sandbox.lastActiveAt?.toISOString() ?? null,
    last_updated: sandbox.lastUpdated.toISOString(),
    ...(sandbox.error === null ? {} : { error: sandbox.error }),
  };
}
