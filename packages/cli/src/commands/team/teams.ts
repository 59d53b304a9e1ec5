/** Listing, making, naming teams; acting for another one. */
import { type Team, teamToWire } from "@roost/sdk";
import type { Command } from "commander";
import { newCommand, type Run } from "../../command.ts";
import type { Invocation } from "../../invocation.ts";
import { relativeTime } from "../../output/relative-time.ts";
import { keepSession, sessionPlace } from "../../settings/keep-session.ts";
import { findTeam, type TeamFlags, teamIdOf, teamOption } from "./find-team.ts";

export function teamCommands(run: Run): readonly Command[] {
  return [
    newCommand("ls", "List your teams; * marks the one that the session acts for.", ["team ls", "team ls --json"])
      .alias("list")
      .action((_flags: unknown, command: Command) => run(command, listTeams)),
    newCommand("create", "Make a team, which you own, and print its id.", ["team create rockets"])
      .argument("<name>", "what it is called")
      .action((name: string, _flags: unknown, command: Command) => run(command, (call) => createTeam(call, name))),
    newCommand("rename", "Give a team another name.", ["team rename boats", "team rename --team rockets boats"])
      .argument("<name>", "the new one")
      .addOption(teamOption())
      .action((name: string, flags: TeamFlags, command: Command) =>
        run(command, (call) => renameTeam(call, name, flags)),
      ),
    newCommand("switch", "Act for another of your teams from now on.", ["team switch rockets"])
      .argument("<team>", "its id or name")
      .action((team: string, _flags: unknown, command: Command) => run(command, (call) => switchTeam(call, team))),
  ];
}

async function listTeams(invocation: Invocation): Promise<undefined> {
  const { print, signal, surroundings } = invocation;
  const roost = await invocation.account();
  const teams = await Array.fromAsync(roost.teams.list({ signal }));
  if (invocation.json) return void (await print.json(teams.map(teamToWire)));
  if (invocation.quiet) {
    for (const team of teams) await print.line(team.id);
    return;
  }
  const { teamId } = await roost.me({ signal });
  const now = surroundings.now();
  await print.table<Team>(
    [
      { title: "", text: (team) => (team.id === teamId ? "*" : "") },
      { title: "ID", text: (team) => team.id },
      { title: "NAME", text: (team) => team.name },
      { title: "ROLE", text: (team) => team.role },
      { title: "CREATED", text: (team) => relativeTime(team.createdAt, now) },
    ],
    teams,
  );
}

async function createTeam(invocation: Invocation, name: string): Promise<undefined> {
  const { print, signal } = invocation;
  const roost = await invocation.account();
  const team = await roost.teams.create(name, { signal });
  if (invocation.json) return void (await print.json(teamToWire(team)));
  await print.line(team.id);
  await print.note(`Act for it with roost team switch ${team.id}.`);
}

async function renameTeam(invocation: Invocation, name: string, flags: TeamFlags): Promise<undefined> {
  const { print, signal } = invocation;
  const roost = await invocation.account();
  const team = await roost.teams.rename(await teamIdOf(roost, flags.team, signal), name, { signal });
  if (invocation.json) return void (await print.json(teamToWire(team)));
  await print.line(team.name);
}

async function switchTeam(invocation: Invocation, named: string): Promise<undefined> {
  const { print, signal } = invocation;
  const path = sessionPlace(invocation);
  const roost = await invocation.account();
  const team = await findTeam(roost, named, signal);
  const session = await roost.auth.switchTeam(team.id, { signal });
  await keepSession(invocation, path, session);
  if (invocation.json) return void (await print.json(teamToWire(team)));
  await print.note(`${session.email} acts for ${team.name} now.`);
  const { apiKey } = await invocation.settings();
  if (apiKey !== undefined) await print.note(`Sandboxes are still opened with the API key from ${apiKey.source}.`);
}
