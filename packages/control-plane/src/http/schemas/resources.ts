/** The things that the API speaks of, as its answers show them. */
import { idPattern } from "@roost/protocol/ids";
import { type Static, Type } from "typebox";
import type { HostStatus, HostType, SandboxRow, SandboxStatus, TemplateRow, TemplateType } from "../../db/tables.ts";
import type { HostWithTags } from "../../hosts/hosts.ts";
import { Choice } from "./choice.ts";
import { Nullable, Time } from "./text.ts";

export const SANDBOX_STATUSES: readonly SandboxStatus[] = [
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
];
const HOST_STATUSES: readonly HostStatus[] = ["pending", "online", "offline", "draining", "unreachable"];
export const TEMPLATE_TYPES: readonly TemplateType[] = ["base", "snapshot"];
export const HOST_TYPES: readonly HostType[] = ["regular", "byoc"];

export const Sandbox = Type.Object(
  {
    id: Type.String({ pattern: idPattern("sandbox") }),
    status: Choice(SANDBOX_STATUSES),
    template: Type.String({ description: "The name of what it was made from." }),
    vcpus: Type.Integer(),
    memory_mb: Type.Integer(),
    timeout_sec: Type.Integer({ description: "Idle seconds after which it pauses itself; 0: never." }),
    internet: Type.Boolean(),
    host_id: Nullable(Type.String()),
    guest_ip: Nullable(Type.String({ description: "Where its host reaches it." })),
    metadata: Type.Record(Type.String(), Type.String()),
    created_at: Time(),
    started_at: Nullable(Time()),
    last_active_at: Nullable(Time()),
    last_updated: Time({ description: "When its status last changed." }),
    error: Type.Optional(Type.String({ description: "Why it is in `error`, or what a step waits for." })),
  },
  { $id: "Sandbox", description: "A sandbox: a microVM of a team's own." },
);

export function showSandbox(row: SandboxRow): Static<typeof Sandbox> {
  return {
    id: row.id,
    status: row.status,
    template: row.template,
    vcpus: row.vcpus,
    memory_mb: row.memory_mb,
    timeout_sec: row.timeout_sec,
    internet: row.internet,
    host_id: row.host_id,
    guest_ip: row.guest_ip,
    metadata: row.metadata,
    created_at: row.created_at.toISOString(),
    started_at: row.started_at?.toISOString() ?? null,
    last_active_at: row.last_active_at?.toISOString() ?? null,
    last_updated: row.last_updated.toISOString(),
    ...(row.error === null ? {} : { error: row.error }),
  };
}

export const Template = Type.Object(
  {
    id: Type.String({ pattern: idPattern("template") }),
    name: Type.String(),
    type: Choice(TEMPLATE_TYPES, { description: "`base`: an image, everyone's. `snapshot`: a team's own." }),
    team_id: Nullable(Type.String()),
    vcpus: Nullable(Type.Integer({ description: "A snapshot's own; null for a base image, which runs with any." })),
    memory_mb: Nullable(Type.Integer()),
    size_bytes: Nullable(Type.Integer({ description: "What its files hold on the disk." })),
    created_at: Time(),
  },
  { $id: "Template", description: "What sandboxes are made from." },
);

export function showTemplate(row: TemplateRow): Static<typeof Template> {
  return {
    id: row.id,
    name: row.name,
    type: row.type,
    team_id: row.team_id,
    vcpus: row.vcpus,
    memory_mb: row.memory_mb,
    size_bytes: row.size_bytes,
    created_at: row.created_at.toISOString(),
  };
}

export const Host = Type.Object(
  {
    id: Type.String({ pattern: idPattern("host") }),
    type: Choice(HOST_TYPES),
    team_id: Nullable(Type.String()),
    provider: Nullable(Type.String()),
    availability_zone: Nullable(Type.String()),
    arch: Nullable(Type.String()),
    cpu_cores: Nullable(Type.Integer()),
    memory_mb: Nullable(Type.Integer()),
    disk_gb: Nullable(Type.Integer()),
    address: Nullable(Type.String()),
    vmm: Nullable(
      Type.Object({ name: Type.String(), version: Nullable(Type.String()), accelerator: Nullable(Type.String()) }),
    ),
    disk_driver: Nullable(Type.String()),
    status: Choice(HOST_STATUSES),
    last_heartbeat_at: Nullable(Time()),
    tags: Type.Array(Type.String()),
    created_by: Nullable(Type.String()),
    created_at: Time(),
    updated_at: Time(),
  },
  { $id: "Host", description: "A machine that runs sandboxes." },
);

export function showHost(row: HostWithTags): Static<typeof Host> {
  const { vmm_name, vmm_version, vmm_accelerator } = row;
  return {
    id: row.id,
    type: row.type,
    team_id: row.team_id,
    provider: row.provider,
    availability_zone: row.availability_zone,
    arch: row.arch,
    cpu_cores: row.cpu_cores,
    memory_mb: row.memory_mb,
    disk_gb: row.disk_gb,
    address: row.address,
    vmm: vmm_name === null ? null : { name: vmm_name, version: vmm_version, accelerator: vmm_accelerator },
    disk_driver: row.disk_driver,
    status: row.status,
    last_heartbeat_at: row.last_heartbeat_at?.toISOString() ?? null,
    tags: row.tags,
    created_by: row.created_by,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  };
}

/** A reference to one of the named schemas, typed as what it stands for. */
export const SandboxRef = Type.Unsafe<Static<typeof Sandbox>>({ $ref: "Sandbox#" });
export const TemplateRef = Type.Unsafe<Static<typeof Template>>({ $ref: "Template#" });
export const HostRef = Type.Unsafe<Static<typeof Host>>({ $ref: "Host#" });
