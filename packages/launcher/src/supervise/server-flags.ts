/**
 * Flags of Node for the two servers. They pass on large amounts in small pieces: a small young generation keeps the dead ones few, and
 * `packages/protocol/src/bulk-bytes.ts` says what else is collected, and when.
 */
export const SERVER_FLAGS = ["--max-semi-space-size=2", "--expose-gc"] as const;
