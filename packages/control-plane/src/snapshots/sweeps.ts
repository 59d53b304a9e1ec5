/**
 * Deletes on hosts the snapshots that no row knows: those deleted while the host was away, and those whose control plane died
 * before it had given them their names. Young ones stay: their row may be about to come.
 */
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import { clientOfHost } from "../sandboxes/sandboxes.ts";
import type { SnapshotsParts } from "./snapshots.ts";

const STRANGER_AGE_MS = 5 * 60_000;
const TIMEOUT_MS = 30_000;

export class SnapshotSweeps {
  readonly #parts: SnapshotsParts;
  readonly #sweptAt = new Map<string, number>();

  constructor(parts: SnapshotsParts) {
    this.#parts = parts;
  }

  hostIsThere(hostId: string): void {
    const now = performance.now();
    const last = this.#sweptAt.get(hostId);
    if (last !== undefined && now - last < this.#parts.sweepIntervalMs) return;
    this.#sweptAt.set(hostId, now);
    this.#parts.background.run("sweep snapshots", () => sweep(this.#parts, hostId));
  }
}

async function sweep(parts: SnapshotsParts, hostId: string): Promise<void> {
  const client = await clientOfHost(parts, hostId);
  const { snapshots } = await client.listSnapshots({}, { timeoutMs: TIMEOUT_MS });
  const old = snapshots.filter(
    ({ createdAt }) => createdAt && Date.now() - timestampDate(createdAt).getTime() >= STRANGER_AGE_MS,
  );
  const known = await knownAmong(
    parts,
    old.map(({ snapshotId }) => snapshotId),
  );
  for (const { snapshotId } of old) {
    if (known.has(snapshotId)) continue;
    await client.deleteSnapshot({ snapshotId }, { timeoutMs: TIMEOUT_MS });
    parts.log.warn(
      { snapshot_id: snapshotId, host_id: hostId },
      "a snapshot that nobody knows was deleted on its host",
    );
  }
}

async function knownAmong(parts: SnapshotsParts, ids: string[]): Promise<ReadonlySet<string>> {
  const rows = await parts.db
    .selectFrom("templates")
    .where("id", "=", sql<string>`any(${ids}::text[])`)
    .select("id")
    .execute();
  return new Set(rows.map(({ id }) => id));
}
