/** Things as the REST API writes them, for tests that need one and care about a few of its fields. */
import type { ApiKeyWire } from "../api-keys.ts";
import type * as wire from "../gen/wire.ts";
import type { HostWire } from "../host-info.ts";
import type { SandboxWire } from "../sandbox-info.ts";
import type { TemplateWire } from "../template-info.ts";

export const SANDBOX_ID = "sb-mfzwizlnmvzwk3tfoi2a";

export function sandboxWire(more: Partial<SandboxWire> = {}): SandboxWire {
  return {
    id: SANDBOX_ID,
    status: "running",
    template: "minimal",
    vcpus: 1,
    memory_mb: 512,
    timeout_sec: 0,
    internet: true,
    host_id: "host-mfzwizlnmvzwk3tfoi2a",
    guest_ip: "10.213.0.5",
    metadata: {},
    created_at: "2025-01-02T03:04:05.000Z",
    started_at: "2025-01-02T03:04:08.000Z",
    last_active_at: "2025-01-02T03:04:09.000Z",
    last_updated: "2025-01-02T03:04:08.000Z",
    ...more,
  };
}

export function execWire(more: Readonly<Record<string, unknown>> = {}): object {
  return {
    sandbox_id: SANDBOX_ID,
    cmd: "true",
    stdout: "",
    stderr: "",
    exit_code: 0,
    duration_ms: 5,
    encoding: "utf-8",
    timed_out: false,
    truncated: false,
    ...more,
  };
}

export function apiKeyWire(more: Partial<ApiKeyWire> = {}): ApiKeyWire {
  return {
    id: "key-mfzwizlnmvzwk3tfoi2a",
    team_id: "team-mfzwizlnmvzwk3tfoi2a",
    name: "ci",
    key_prefix: "rst_01234567",
    created_by: "usr-mfzwizlnmvzwk3tfoi2a",
    created_at: "2025-01-02T03:04:05.000Z",
    last_used: null,
    expires_at: null,
    ...more,
  };
}

export function hostWire(more: Partial<HostWire> = {}): HostWire {
  return {
    id: "host-mfzwizlnmvzwk3tfoi2a",
    type: "regular",
    team_id: null,
    provider: null,
    availability_zone: null,
    arch: "x86_64",
    cpu_cores: 4,
    memory_mb: 16384,
    disk_gb: 100,
    address: "127.0.0.1:4701",
    vmm: { name: "qemu", version: "7.2", accelerator: "tcg" },
    disk_driver: "qcow2",
    status: "online",
    last_heartbeat_at: "2025-01-02T03:04:05.000Z",
    tags: [],
    created_by: "usr-mfzwizlnmvzwk3tfoi2a",
    created_at: "2025-01-02T03:04:05.000Z",
    updated_at: "2025-01-02T03:04:05.000Z",
    ...more,
  };
}

export function templateWire(more: Partial<TemplateWire> = {}): TemplateWire {
  return {
    id: "tpl-mfzwizlnmvzwk3tfoi2a",
    name: "tools",
    type: "snapshot",
    team_id: "team-mfzwizlnmvzwk3tfoi2a",
    vcpus: 2,
    memory_mb: 1024,
    size_bytes: 73_400_320,
    created_at: "2025-01-02T03:04:05.000Z",
    ...more,
  };
}

export function teamWire(more: Partial<wire.Team> = {}): wire.Team {
  return {
    id: "team-mfzwizlnmvzwk3tfoi2a",
    name: "rockets",
    role: "owner",
    created_at: "2025-01-02T03:04:05.000Z",
    ...more,
  };
}

export function teamMemberWire(more: Partial<wire.TeamMember> = {}): wire.TeamMember {
  return {
    id: "usr-mfzwizlnmvzwk3tfoi2a",
    email: "me@example.org",
    role: "owner",
    created_at: "2025-01-02T03:04:05.000Z",
    ...more,
  };
}

export function teamInviteWire(more: Partial<wire.TeamInvite> = {}): wire.TeamInvite {
  return {
    id: "inv-mfzwizlnmvzwk3tfoi2a",
    team_id: "team-mfzwizlnmvzwk3tfoi2a",
    email: "you@example.org",
    role: "member",
    created_by: "usr-mfzwizlnmvzwk3tfoi2a",
    created_at: "2025-01-02T03:04:05.000Z",
    expires_at: "2025-01-09T03:04:05.000Z",
    ...more,
  };
}

export function auditEventWire(more: Partial<wire.AuditEvent> = {}): wire.AuditEvent {
  return {
    id: "evt-mfzwizlnmvzwk3tfoi2a",
    at: "2025-01-02T03:04:05.000Z",
    actor: "me@example.org",
    user_id: "usr-mfzwizlnmvzwk3tfoi2a",
    key_id: null,
    action: "api-key.create",
    subject: "key-mfzwizlnmvzwk3tfoi2a",
    outcome: "done",
    details: { name: "ci" },
    address: "192.0.2.1",
    request_id: "req-0123456789abcdef0123",
    ...more,
  };
}
