/**
 * Brings rows and hosts together: a heartbeat lists all that a host has, and this decides, sandbox by sandbox, which of the
 * two is to follow. The host is the truth about what runs, the row about what should.
 */
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import type { SandboxRow, SandboxStatus } from "../db/tables.ts";
import { askHostToDestroy, carryOutDestroy } from "./destroy.ts";
import { clientOfHost } from "./host-of.ts";
import type { SandboxParts } from "./parts.ts";

export interface Report {
  readonly id: string;
  readonly status: "starting" | "running" | "stopping" | "error";
  readonly reason?: string;
}

export type Decision =
  | "leave"
  /** It runs, though its row did not say so (any more). */
  | "mark-running"
  /** Its machine ended by itself. */
  | "mark-failed"
  /** The host does not have it any more, and should. */
  | "mark-lost"
  /** The host does not have it any more, as it should be. */
  | "mark-stopped"
  /** It is to be destroyed, and its row says `stopping`. */
  | "carry-out-destroy"
  /** The host has it, and should not. */
  | "destroy-stray"
  /** No row knows it. It may be younger than its row's disappearance: its age decides. */
  | "destroy-if-old";

/** A row as reconciliation sees it. */
export interface Known extends Pick<SandboxRow, "id" | "status" | "host_id"> {
  readonly settledForMs: number;
}

/** A heartbeat may have been written before the row changed: what is missing from it counts only after this. */
const GRACE_MS = 60_000;
const STRANGER_AGE_MS = 5 * 60_000;

const SHOULD_BE_THERE: ReadonlySet<SandboxStatus> = new Set(["starting", "running", "missing"]);
const MAY_RUN: ReadonlySet<SandboxStatus> = new Set(["starting", "missing", "error"]);

/** For a sandbox that the host reported, that a row places on this host, or both. */
export function decide(hostId: string, row: Known | undefined, report: Report | undefined): Decision {
  if (!row) return report ? "destroy-if-old" : "leave";
  if (row.host_id !== hostId || row.status === "stopped") return report ? "destroy-stray" : "leave";
  if (row.status === "stopping") return report ? "carry-out-destroy" : "mark-stopped";
  if (!report) return SHOULD_BE_THERE.has(row.status) && row.settledForMs >= GRACE_MS ? "mark-lost" : "leave";
  if (report.status === "error" && SHOULD_BE_THERE.has(row.status)) return "mark-failed";
  return report.status === "running" && MAY_RUN.has(row.status) ? "mark-running" : "leave";
}

/** Changes rows before it returns; what takes a call to the host goes on in the background. */
export async function reconcileHost(parts: SandboxParts, hostId: string, reports: readonly Report[]): Promise<void> {
  const reported = new Map(reports.map((report) => [report.id, report]));
  const known = await readKnown(parts, hostId, [...reported.keys()]);
  const ids = new Set([...known.keys(), ...reported.keys()]);
  const toAskAbout = new Map<string, Decision>();
  for (const id of ids) {
    if (parts.inFlight.has(id)) continue;
    const row = known.get(id);
    const report = reported.get(id);
    const decision = decide(hostId, row, report);
    if (decision === "mark-failed") await parts.rows.markFailed(id, hostId, reasonOf(report));
    if (decision === "mark-lost") await parts.rows.markFailed(id, hostId, "Its host does not have it any more.");
    if (decision === "mark-stopped") await parts.rows.markStopped(id);
    if (decision === "carry-out-destroy") {
      parts.background.run("destroy", async () => void (await carryOutDestroy(parts, { id, host_id: hostId })));
    }
    if (decision === "destroy-stray") parts.background.run("destroy stray", () => destroyStray(parts, hostId, id));
    if (decision === "mark-running" || decision === "destroy-if-old") toAskAbout.set(id, decision);
  }
  if (toAskAbout.size > 0) parts.background.run("ask host", () => askAbout(parts, hostId, toAskAbout));
}

async function readKnown(parts: SandboxParts, hostId: string, reportedIds: string[]): Promise<Map<string, Known>> {
  const rows = await parts.db
    .selectFrom("sandboxes")
    .where((eb) =>
      eb.or([
        eb.and([eb("host_id", "=", hostId), eb("status", "!=", "stopped")]),
        eb("id", "=", sql<string>`any(${reportedIds}::text[])`),
      ]),
    )
    .select([
      "id",
      "status",
      "host_id",
      sql<number>`extract(epoch from now() - last_updated)::float8 * 1000`.as("settledForMs"),
    ])
    .execute();
  return new Map(rows.map((row) => [row.id, row]));
}

/** The reason may hold a guest's or a VMM's words. */
function reasonOf(report: Report | undefined): string {
  const reason = (report?.reason ?? "")
    .replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ")
    .toWellFormed()
    .trim();
  return reason === "" ? "Its machine ended by itself." : reason.slice(0, 500);
}

function destroyStray(parts: SandboxParts, hostId: string, id: string): Promise<void> {
  return parts.inFlight.during(id, async () => void (await askHostToDestroy(parts, hostId, id)));
}

/** A heartbeat does not say where a sandbox is reached, nor how old it is. */
async function askAbout(parts: SandboxParts, hostId: string, decisions: ReadonlyMap<string, Decision>): Promise<void> {
  const client = await clientOfHost(parts, hostId);
  const { sandboxes } = await client.listSandboxes({}, { timeoutMs: 30_000 });
  for (const sandbox of sandboxes) {
    const decision = decisions.get(sandbox.sandboxId);
    if (decision === "mark-running") {
      await parts.rows.markRunning(sandbox.sandboxId, hostId, { guestIp: sandbox.guestIp || null });
    }
    if (decision === "destroy-if-old" && sandbox.createdAt) {
      const age = Date.now() - timestampDate(sandbox.createdAt).getTime();
      if (age >= STRANGER_AGE_MS) await destroyStray(parts, hostId, sandbox.sandboxId);
    }
  }
}
