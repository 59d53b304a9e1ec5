/** Which hosts a person sees and may change: admins the shared ones, a team's owners their team's own. */
import { RoostError } from "@roost/protocol/errors";
import type { ExpressionBuilder } from "kysely";
import type { HostRow, HostType, Tables } from "../db/tables.ts";

export interface Person {
  readonly userId: string;
  readonly teamId: string;
  readonly isAdmin: boolean;
  readonly isTeamOwner: boolean;
}

/** A condition on `hosts`: what this person sees. Everything else is, to them, not there. */
export function visibleTo(person: Person) {
  return (eb: ExpressionBuilder<Tables, "hosts">) =>
    person.isAdmin
      ? eb.or([eb("hosts.team_id", "is", null), eb("hosts.team_id", "=", person.teamId)])
      : eb("hosts.team_id", "=", person.teamId);
}

/** @throws RoostError `forbidden` when this person may not change hosts of this type. */
export function requireMayChange(person: Person, type: HostType): void {
  if (type === "regular" && !person.isAdmin) {
    throw new RoostError(
      "forbidden",
      "Shared hosts are made and changed by the admins of this Roost; a host of your team's own is of type “byoc”.",
    );
  }
  if (type === "byoc" && !person.isTeamOwner) {
    throw new RoostError("forbidden", "A team's hosts are made and changed by its owners.");
  }
}

export function requireMayChangeHost(person: Person, host: HostRow): void {
  requireMayChange(person, host.type);
}
