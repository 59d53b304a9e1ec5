/**
 * Making a sandbox: a row, a host, the host's agent, a row again. Whatever step fails, what remains is consistent: nothing
 * at all, or a row that is `stopping` with the reason, which its host's next heartbeat ends.
 */
import { type ErrorCode, RoostError } from "@roost/protocol/errors";
import type { SandboxRow, TemplateRow } from "../db/tables.ts";
import { asHostError } from "../hosts/hosts.ts";
import { findTemplate, noSuchTemplate } from "../templates/templates.ts";
import { askHostToDestroy } from "./destroy.ts";
import type { SandboxParts } from "./parts.ts";
import { readCandidates } from "./placement/candidates.ts";
import { type Candidate, fit } from "./placement/placement.ts";

export interface NewSandbox {
  /** Chosen by the caller, so that asking twice for the same one is noticed. */
  readonly id: string;
  readonly template: string;
  readonly vcpus: number;
  readonly memoryMb: number;
  readonly timeoutSec: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  readonly internet: boolean;
}

/** Another host may do what this one would not or could not. */
const TRY_NEXT: ReadonlySet<ErrorCode> = new Set(["no_capacity", "disk_full", "not_found", "host_unavailable"]);

/**
 * Answers when the sandbox takes commands. It goes on when the caller has gone: a sandbox is made whole or not at all.
 * @throws RoostError `not_found` (template), `invalid_request`, `no_capacity`, `host_failed`, `conflict` (destroyed meanwhile).
 */
export async function createSandbox(parts: SandboxParts, teamId: string, wanted: NewSandbox): Promise<SandboxRow> {
  const template = await findTemplate(parts.db, teamId, wanted.template);
  const memoryMb = template.memory_mb ?? wanted.memoryMb;
  const hosts = await chooseHosts(parts, teamId, template, memoryMb);
  const row = {
    id: wanted.id,
    team_id: teamId,
    template: template.name,
    template_id: template.id,
    vcpus: template.vcpus ?? wanted.vcpus,
    memory_mb: memoryMb,
    timeout_sec: wanted.timeoutSec,
    internet: wanted.internet,
    metadata: JSON.stringify(wanted.metadata),
  };
  return parts.inFlight.during(row.id, async () => {
    const inserted = await parts.rows.insertPending(row);
    if (!inserted) throw noSuchTemplate(template.name);
    return placeOnFirstWilling(parts, { row: inserted, template, env: wanted.env }, hosts);
  });
}

/** The hosts with room, in the order in which they are asked. */
async function chooseHosts(
  parts: SandboxParts,
  teamId: string,
  template: TemplateRow,
  memoryMb: number,
): Promise<readonly Candidate[]> {
  const candidates = await readCandidates(parts.db, teamId, template);
  if (candidates.length === 0 && template.type === "snapshot") {
    throw new RoostError("no_capacity", `No host that holds the snapshot “${template.name}” is online.`);
  }
  const most = Math.max(...candidates.map((host) => host.memoryMb));
  if (candidates.length > 0 && memoryMb > most && template.type === "base") {
    throw new RoostError("invalid_request", `memory_mb must be at most ${most}, which is what the largest host has.`);
  }
  const { fitting, missing } = fit(candidates, { memoryMb });
  if (missing) throw new RoostError("no_capacity", missing);
  return parts.placement.order(fitting);
}

/** What a host is asked for. */
interface Order {
  readonly row: SandboxRow;
  readonly template: TemplateRow;
  readonly env: NewSandbox["env"];
}

async function placeOnFirstWilling(
  parts: SandboxParts,
  order: Order,
  hosts: readonly Candidate[],
): Promise<SandboxRow> {
  const { row } = order;
  const refusals: RoostError[] = [];
  /** Whether the last host that was asked has certainly nothing of the sandbox. */
  let clean = true;
  try {
    for (const host of hosts) {
      if (!(await assign(parts, row.id, host.id))) continue;
      clean = false;
      try {
        return await start(parts, order, host);
      } catch (error) {
        clean = await askHostToDestroy(parts, host.id, row.id);
        if (!(error instanceof RoostError && TRY_NEXT.has(error.code))) throw error;
        refusals.push(error);
      }
    }
    throw summarise(refusals);
  } catch (error) {
    await leaveNothing(parts, row.id, clean, error);
    throw error;
  }
}

/** Resolves to false when the host was deleted since it was chosen. @throws RoostError `conflict` (destroyed meanwhile). */
async function assign(parts: SandboxParts, id: string, hostId: string): Promise<boolean> {
  const assigned = await parts.rows.assignHost(id, hostId);
  if (assigned === undefined) throw destroyedMeanwhile();
  return assigned !== "host-gone";
}

async function start(parts: SandboxParts, order: Order, host: Candidate): Promise<SandboxRow> {
  const { row } = order;
  const guestIp = await boot(parts, order, host);
  const running = await parts.rows.markRunning(row.id, host.id, guestIp);
  if (running) return running;
  // A heartbeat may have told of it, and somebody found it and paused it.
  const present = await parts.rows.find(row.team_id, row.id);
  if (!present || present.status === "stopping" || present.status === "stopped") throw destroyedMeanwhile();
  return present;
}

async function boot(parts: SandboxParts, { row, template, env }: Order, host: Candidate): Promise<string | null> {
  const request = {
    sandboxId: row.id,
    template: row.template,
    snapshotId: template.type === "snapshot" ? template.id : "",
    vcpus: row.vcpus,
    memoryMb: row.memory_mb,
    timeoutSec: row.timeout_sec,
    internet: row.internet,
    env,
  };
  try {
    const client = await parts.clients.get(host);
    const { sandbox } = await client.createSandbox(request, { timeoutMs: parts.createTimeoutMs });
    return sandbox?.guestIp || null;
  } catch (error) {
    throw asHostError(error);
  }
}

/**
 * Ends the row of a create that failed. Nothing is thrown from here: the caller is to hear why the create failed, and a row
 * that cannot be changed now (the database is away) is brought in order by its host's heartbeats.
 */
async function leaveNothing(parts: SandboxParts, id: string, clean: boolean, cause: unknown): Promise<void> {
  try {
    if (clean) return await parts.rows.removeUnmade(id);
    await parts.rows.noteError(id, cause instanceof RoostError ? cause.message : "Its creation failed.");
    await parts.rows.markStopping(id);
  } catch (error) {
    parts.log.warn({ err: error, sandbox_id: id }, "the row of a failed create could not be ended");
  }
}

function summarise(refusals: readonly RoostError[]): RoostError {
  const reasons = [...new Set(refusals.map((refusal) => refusal.message))].join(" ");
  const cause = refusals.at(-1);
  if (!cause) return new RoostError("no_capacity", "The hosts that had room were deleted at this moment.");
  if (refusals.some((refusal) => refusal.code === "host_unavailable")) {
    return new RoostError("host_failed", `No host made the sandbox. ${reasons}`, { cause });
  }
  return new RoostError("no_capacity", `No host has room for the sandbox. ${reasons}`, { cause });
}

function destroyedMeanwhile(): RoostError {
  return new RoostError("conflict", "The sandbox was destroyed while it was being made.");
}
