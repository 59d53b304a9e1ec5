/** A host's facts: as this package names them, as the REST API writes them, and the way between the two. */
import type * as wire from "./gen/wire.ts";

export type HostType = wire.Host["type"];
export type HostStatus = wire.Host["status"];

export interface HostVmm {
  readonly name: string;
  readonly version: string | null;
  /** `kvm` or `tcg`. */
  readonly accelerator: string | null;
}

export interface Host {
  readonly id: string;
  readonly type: HostType;
  /** Whose it is, when it is a team's own. */
  readonly teamId: string | null;
  readonly provider: string | null;
  readonly availabilityZone: string | null;
  /** This and the machine's other facts are null until it has joined. */
  readonly arch: string | null;
  readonly cpuCores: number | null;
  readonly memoryMb: number | null;
  readonly diskGb: number | null;
  readonly address: string | null;
  /** What runs its virtual machines. */
  readonly vmm: HostVmm | null;
  readonly diskDriver: string | null;
  readonly status: HostStatus;
  readonly lastHeartbeatAt: Date | null;
  readonly tags: readonly string[];
  readonly createdBy: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** As in the REST contract. */
export type HostWire = wire.Host;

export function hostFromWire(wire: HostWire): Host {
  return {
    id: wire.id,
    type: wire.type,
    teamId: wire.team_id,
    provider: wire.provider,
    availabilityZone: wire.availability_zone,
    arch: wire.arch,
    cpuCores: wire.cpu_cores,
    memoryMb: wire.memory_mb,
    diskGb: wire.disk_gb,
    address: wire.address,
    vmm: wire.vmm,
    diskDriver: wire.disk_driver,
    status: wire.status,
    lastHeartbeatAt: wire.last_heartbeat_at === null ? null : new Date(wire.last_heartbeat_at),
    tags: wire.tags,
    createdBy: wire.created_by,
    createdAt: new Date(wire.created_at),
    updatedAt: new Date(wire.updated_at),
  };
}

export function hostToWire(host: Host): HostWire {
  return {
    id: host.id,
    type: host.type,
    team_id: host.teamId,
    provider: host.provider,
    availability_zone: host.availabilityZone,
    arch: host.arch,
    cpu_cores: host.cpuCores,
    memory_mb: host.memoryMb,
    disk_gb: host.diskGb,
    address: host.address,
    vmm: host.vmm,
    disk_driver: host.diskDriver,
    status: host.status,
    last_heartbeat_at: host.lastHeartbeatAt?.toISOString() ?? null,
    tags: host.tags,
    created_by: host.createdBy,
    created_at: host.createdAt.toISOString(),
    updated_at: host.updatedAt.toISOString(),
  };
}
