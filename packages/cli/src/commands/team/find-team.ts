/** Which team a command is about, and which of its members. */
import type { Roost, Team, TeamMember } from "@roost/sdk";
import { Option } from "commander";
import { CommandFailure } from "../../command-failure.ts";

export interface TeamFlags {
  readonly team?: string;
}

export function teamOption(): Option {
  return new Option("--team <team>", "which team, by id or name (default: the one that the session acts for)");
}

/** The id of the team named, or of the one that the session acts for. */
export async function teamIdOf(roost: Roost, named: string | undefined, signal: AbortSignal): Promise<string> {
  if (named === undefined) return (await roost.me({ signal })).teamId;
  return (await findTeam(roost, named, signal)).id;
}

/** @throws CommandFailure when none, or more than one, of the user's teams has this id or name. */
export async function findTeam(roost: Roost, named: string, signal: AbortSignal): Promise<Team> {
  const teams = await Array.fromAsync(roost.teams.list({ signal }));
  const found = teams.filter(({ id, name }) => id === named || name === named);
  const [team] = found;
  if (!team) throw new CommandFailure(`You are in no team “${named}”; roost team ls lists yours.`);
  if (found.length > 1)
    throw new CommandFailure(`${found.length} of your teams are named “${named}”: say which by its id.`);
  return team;
}

/** By id or email. @throws CommandFailure when nobody in the team has it. */
export async function findMember(
  roost: Roost,
  teamId: string,
  named: string,
  signal: AbortSignal,
): Promise<TeamMember> {
  const wanted = named.toLowerCase();
  for await (const member of roost.teams.members(teamId, { signal })) {
    if (member.id === wanted || member.email === wanted) return member;
  }
  throw new CommandFailure(`Nobody in the team is “${named}”; roost team members lists all.`);
}
