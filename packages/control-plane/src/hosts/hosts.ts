/** Machines that run sandboxes: their rows, as people see and change them, and as their heartbeats keep them. */
import { randomBytes } from "node:crypto";
import { RoostError } from "@roost/protocol/errors";
import { newId } from "@roost/protocol/ids";
import { sql } from "kysely";
import type { Database } from "../db/database.ts";
import { afterCursor, type PageRequest } from "../db/pages.ts";
import type { HostRow, HostType } from "../db/tables.ts";
import type { HostClients } from "./clients/host-clients.ts";
import { deleteHost, type HostSandboxes } from "./deletion.ts";
import { issueJoinToken } from "./enrolment/join-tokens.ts";
import { type Person, requireMayChange, requireMayChangeHost, visibleTo } from "./host-access.ts";

export { CertificateAuthority } from "./ca/authority.ts";
export { type HostAgentClient, HostClients, type HostTarget } from "./clients/host-clients.ts";
export { asHostError } from "./clients/host-errors.ts";
export { HostHasSandboxesError, type HostSandboxes } from "./deletion.ts";
export { Enrolment, type Joined, type MachineFacts, type Refreshed, refreshRefused } from "./enrolment/enrolment.ts";
export { HostPermits } from "./enrolment/host-permits.ts";
export { joinRefused } from "./enrolment/join-tokens.ts";
export type { Person } from "./host-access.ts";

export interface NewHost {
  readonly type: HostType;
  readonly provider: string | undefined;
  readonly availabilityZone: string | undefined;
}

export type HostWithTags = HostRow & { readonly tags: string[] };

export interface HostsParts {
  readonly db: Database;
  readonly clients: HostClients;
  readonly sandboxes: HostSandboxes;
}

export class Hosts {
  readonly #parts: HostsParts;

  constructor(parts: HostsParts) {
    this.#parts = parts;
  }

  /** @throws RoostError `forbidden`. */
  async create(person: Person, wanted: NewHost): Promise<{ host: HostWithTags; registrationToken: string }> {
    requireMayChange(person, wanted.type);
    return this.#parts.db.transaction().execute(async (trx) => {
      const host = await trx
        .insertInto("hosts")
        .values({
          id: newId("host", randomBytes),
          type: wanted.type,
          team_id: wanted.type === "byoc" ? person.teamId : null,
          provider: wanted.provider ?? null,
          availability_zone: wanted.availabilityZone ?? null,
          status: "pending",
          created_by: person.userId,
        })
        .returningAll()
        .executeTakeFirstOrThrow();
      const registrationToken = await issueJoinToken(trx, host.id, person.userId);
      return { host: { ...host, tags: [] }, registrationToken };
    });
  }

  /** A new one-time token for a host that has not joined. @throws RoostError `not_found`, `forbidden`, `conflict`. */
  async renewJoinToken(person: Person, hostId: string): Promise<string> {
    requireMayChangeHost(person, await this.get(person, hostId));
    return this.#parts.db.transaction().execute(async (trx) => {
      const pending = await trx
        .selectFrom("hosts")
        .where("id", "=", hostId)
        .where("status", "=", "pending")
        .select("id")
        .forUpdate()
        .executeTakeFirst();
      if (!pending) throw new RoostError("conflict", "This host has joined already; it needs no token.");
      return issueJoinToken(trx, hostId, person.userId);
    });
  }

  /** Newest first. */
  list(person: Person, page: PageRequest): Promise<HostWithTags[]> {
    return this.#withTags()
      .where(visibleTo(person))
      .where(afterCursor(page.after))
      .orderBy("created_at", "desc")
      .orderBy("id", "desc")
      .limit(page.limit)
      .execute();
  }

  /** @throws RoostError `not_found`. */
  async get(person: Person, hostId: string): Promise<HostWithTags> {
    const host = await this.#withTags().where("hosts.id", "=", hostId).where(visibleTo(person)).executeTakeFirst();
    if (!host) throw new RoostError("not_found", "There is no such host.");
    return host;
  }

  /**
   * Removes a host, with `force` its sandboxes first.
   * @throws HostHasSandboxesError, RoostError `not_found`, `forbidden`, `host_unavailable`.
   */
  async remove(person: Person, hostId: string, options: { force: boolean }): Promise<void> {
    requireMayChangeHost(person, await this.get(person, hostId));
    await deleteHost(this.#parts, hostId, options);
  }

  /** Notes that a host is there, and what it has left. */
  async heartbeat(hostId: string, load: { readonly disk_free_mb: number }): Promise<void> {
    await this.#parts.db
      .updateTable("hosts")
      .set((eb) => ({
        last_heartbeat_at: sql<Date>`now()`,
        disk_free_mb: load.disk_free_mb,
        status: eb
          .case()
          .when("status", "in", ["offline", "unreachable"])
          .then("online" as const)
          .else(eb.ref("status"))
          .end(),
      }))
      .where("id", "=", hostId)
      .execute();
  }

  #withTags() {
    return this.#parts.db
      .selectFrom("hosts")
      .selectAll("hosts")
      .select((eb) =>
        eb
          .selectFrom("host_tags")
          .whereRef("host_tags.host_id", "=", "hosts.id")
          .select(sql<string[]>`coalesce(array_agg(tag order by tag), '{}')`.as("tags"))
          .$asScalar()
          .as("tags"),
      )
      .$narrowType<{ tags: string[] }>();
  }
}
