/** A team's sandboxes, newest first. */

import { sql } from "kysely";
import type { Database } from "../db/database.ts";
import { afterCursor, type PageRequest } from "../db/pages.ts";
import type { SandboxRow, SandboxStatus } from "../db/tables.ts";

export interface SandboxFilter {
  /** All but `stopped` when undefined. */
  readonly statuses: readonly SandboxStatus[] | undefined;
  /** Only those that have all of these. */
  readonly metadata: Readonly<Record<string, string>>;
}

export function listSandboxes(
  db: Database,
  teamId: string,
  filter: SandboxFilter,
  page: PageRequest,
): Promise<SandboxRow[]> {
  const { statuses, metadata } = filter;
  let query = db.selectFrom("sandboxes").where("team_id", "=", teamId).where(afterCursor(page.after));
  query = statuses ? query.where("status", "in", statuses) : query.where("status", "!=", "stopped");
  if (Object.keys(metadata).length > 0) {
    query = query.where(sql<boolean>`metadata @> ${JSON.stringify(metadata)}::jsonb`);
  }
  return query.orderBy("created_at", "desc").orderBy("id", "desc").limit(page.limit).selectAll().execute();
}
