/**
 * Pages of a list, newest first. A cursor names the last row that was given, so rows that come and go meanwhile neither
 * repeat nor hide others. Rows of one millisecond are told apart by id.
 */
import { sql } from "kysely";

export interface Cursor {
  readonly createdAt: Date;
  readonly id: string;
}

export interface PageRequest {
  readonly limit: number;
  readonly after: Cursor | undefined;
}

/** The rows that come after a cursor, of a table with `created_at` and `id`. */
export function afterCursor(after: Cursor | undefined) {
  if (!after) return sql<boolean>`true`;
  return sql<boolean>`(created_at, id) < (${after.createdAt}::timestamptz, ${after.id}::text)`;
}
