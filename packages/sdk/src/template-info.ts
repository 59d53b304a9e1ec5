/** What sandboxes are made from: as this package names its facts, as the REST API writes them, and the way between the two. */
import type * as wire from "./gen/wire.ts";

export type TemplateType = wire.Template["type"];

export interface Template {
  readonly id: string;
  readonly name: string;
  /** `base`: an image, everyone's. `snapshot`: a team's own. */
  readonly type: TemplateType;
  /** Null for a base image. */
  readonly teamId: string | null;
  /** A snapshot's own, which win over those that a create asks for; null for a base image, which runs with any. */
  readonly vcpus: number | null;
  readonly memoryMb: number | null;
  /** What its files hold on the disk; null until a host has told. */
  readonly sizeBytes: number | null;
  readonly createdAt: Date;
}

/** As in the REST contract. */
export type TemplateWire = wire.Template;

export function templateFromWire(wire: TemplateWire): Template {
  return {
    id: wire.id,
    name: wire.name,
    type: wire.type,
    teamId: wire.team_id,
    vcpus: wire.vcpus,
    memoryMb: wire.memory_mb,
    sizeBytes: wire.size_bytes,
    createdAt: new Date(wire.created_at),
  };
}

export function templateToWire(template: Template): TemplateWire {
  return {
    id: template.id,
    name: template.name,
    type: template.type,
    team_id: template.teamId,
    vcpus: template.vcpus,
    memory_mb: template.memoryMb,
    size_bytes: template.sizeBytes,
    created_at: template.createdAt.toISOString(),
  };
}
