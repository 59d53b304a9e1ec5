/**
 * Brings rows and hosts together: a heartbeat lists all that a host has, and this decides, sandbox by sandbox, which of the
 * two is to follow. The host is the truth about what runs, the row about what should.
 */
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import type { SandboxRow, SandboxStatus } from "../db/tables.ts";
import { askHostToDestroy, carryOutDestroy } from "./destroy.ts";
import { clientOfHost } from "./host-of.ts";
import type { Seen } from "./lifecycle.ts";
import { askHost, LOST, observe } from "./observed.ts";
import type { SandboxParts } from "./parts.ts";

export const REPORTED_STATUSES = ["starting", "running", "pausing", "paused", "resuming", "stopping", "error"] as const;

export interface Report {
  readonly id: string;
  readonly status: (typeof REPORTED_STATUSES)[number];
  readonly reason?: string;
}

export type Decision =
  | "leave"
  /** The host says that it is something else than its row does. The host is asked, and the row follows what it says now. */
  | "follow-host"
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
export interface Known extends Seen, Pick<SandboxRow, "host_id"> {
  readonly settledForMs: number;
}

/** A heartbeat may have been written before the row changed: what is missing from it counts only after this. */
const GRACE_MS = 60_000;
/** Another control plane may be about to ask the host for this very step. One that died does not come to it any more. */
const STEP_GRACE_MS = 10_000;
const STRANGER_AGE_MS = 5 * 60_000;

/** A paused sandbox is nothing but files, and one in `error` may be: that the host does not speak of them changes nothing. */
const SHOULD_BE_THERE: ReadonlySet<SandboxStatus> = new Set(["starting", "running", "pausing", "resuming", "missing"]);
const BETWEEN: ReadonlySet<SandboxStatus> = new Set(["pausing", "resuming"]);
/** What a row follows. All others end in one of these, and are told of again. */
const LASTING: ReadonlySet<SandboxStatus> = new Set(["running", "paused", "error"]);

/** For a sandbox that the host reported, that a row places on this host, or both. */
export function decide(hostId: string, row: Known | undefined, report: Report | undefined): Decision {
  if (!row) return report ? "destroy-if-old" : "leave";
  if (row.host_id !== hostId || row.status === "stopped") return report ? "destroy-stray" : "leave";
  if (row.status === "stopping") return report ? "carry-out-destroy" : "mark-stopped";
  if (!report) return SHOULD_BE_THERE.has(row.status) && row.settledForMs >= GRACE_MS ? "mark-lost" : "leave";
  if (report.status === row.status || !LASTING.has(report.status)) return "leave";
  return BETWEEN.has(row.status) && row.settledForMs < STEP_GRACE_MS ? "leave" : "follow-host";
}

/** Changes rows before it returns; what takes a call to the host goes on in the background. */
export async function reconcileHost(parts: SandboxParts, hostId: string, reports: readonly Report[]): Promise<void> {
  const reported = new Map(reports.map((report) => [report.id, report]));
  const known = await readKnown(parts, hostId, [...reported.keys()]);
  const ids = new Set([...known.keys(), ...reported.keys()]);
  const toFollow: Known[] = [];
  const strangers: string[] = [];
  for (const id of ids) {
    if (parts.inFlight.has(id)) continue;
    const row = known.get(id);
    const decision = decide(hostId, row, reported.get(id));
    if (decision === "mark-lost" && row) await parts.rows.follow(row, LOST);
    if (decision === "mark-stopped") await parts.rows.markStopped(id);
    if (decision === "carry-out-destroy") {
      parts.background.run("destroy", async () => void (await carryOutDestroy(parts, { id, host_id: hostId })));
    }
    if (decision === "destroy-stray") parts.background.run("destroy stray", () => destroyStray(parts, hostId, id));
    if (decision === "follow-host" && row) toFollow.push(row);
    if (decision === "destroy-if-old") strangers.push(id);
  }
  if (toFollow.length > 0 || strangers.length > 0) {
    parts.background.run("ask host", () => askAbout(parts, hostId, toFollow, strangers));
  }
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
      "last_updated",
      sql<number>`extract(epoch from now() - last_updated)::float8 * 1000`.as("settledForMs"),
    ])
    .execute();
  return new Map(rows.map((row) => [row.id, row]));
}

function destroyStray(parts: SandboxParts, hostId: string, id: string): Promise<void> {
  return parts.inFlight.during(id, async () => void (await askHostToDestroy(parts, hostId, id)));
}

/**
 * A heartbeat may be older than what has happened since, does not say where a sandbox is reached, nor how old it is: so the
 * host is asked. A row that has changed since it was read is left to who changed it.
 */
async function askAbout(
  parts: SandboxParts,
  hostId: string,
  toFollow: readonly Known[],
  strangers: readonly string[],
): Promise<void> {
  const present = await askHost(await clientOfHost(parts, hostId));
  for (const row of toFollow) {
    const observed = observe(present.get(row.id));
    const isLasting = observed.state !== "changing" && observed.state !== "absent";
    if (isLasting && observed.state !== row.status) await parts.rows.follow(row, observed);
  }
  for (const id of strangers) {
    const createdAt = present.get(id)?.createdAt;
    const isOld = createdAt && Date.now() - timestampDate(createdAt).getTime() >= STRANGER_AGE_MS;
    if (isOld) await destroyStray(parts, hostId, id);
  }
}
