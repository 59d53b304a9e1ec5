/**
 * For what is written before a host is asked, or may be lost: its commit does not wait for the disk, which takes some milliseconds each
 * time. It is durable with the next commit that does wait, the one before the answer: the log that both are in is one. Should the
 * machine die before, the database knows nothing of a request that was not answered, and heartbeats tell what hosts have done.
 */
import { type RawBuilder, sql } from "kysely";

/** The id, and with it in the statement the rule above for the statement's transaction. */
export function soonDurable(id: string): RawBuilder<string> {
  return sql<string>`(select ${id}::text from set_config('synchronous_commit', 'off', true))`;
}
