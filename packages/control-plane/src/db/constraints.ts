/** Tells which constraint a statement broke, so that races are decided by the database and answered by name. */
import pg from "pg";

const UNIQUE_VIOLATION = "23505";
const FOREIGN_KEY_VIOLATION = "23503";

/** Whether the error says that this unique constraint already has such a row. */
export function violatesUnique(error: unknown, constraint: string): boolean {
  return error instanceof pg.DatabaseError && error.code === UNIQUE_VIOLATION && error.constraint === constraint;
}

/** Whether the error says that the row which this foreign key names is not there. */
export function violatesForeignKey(error: unknown, constraint: string): boolean {
  return error instanceof pg.DatabaseError && error.code === FOREIGN_KEY_VIOLATION && error.constraint === constraint;
}
