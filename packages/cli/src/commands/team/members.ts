/** Who is in a team: listing, roles, removing, leaving. */
import { memberToWire, type TeamMember, type TeamRole } from "@roost/sdk";
import { Argument, type Command } from "commander";
import { newCommand, type Run } from "../../command.ts";
import type { Invocation } from "../../invocation.ts";
import { relativeTime } from "../../output/relative-time.ts";
import { findMember, type TeamFlags, teamIdOf, teamOption } from "./find-team.ts";

export const ROLES = ["owner", "admin", "member"] as const satisfies readonly TeamRole[];

export function memberCommands(run: Run): readonly Command[] {
  return [
    newCommand("members", "List who is in a team.", ["team members", "team members --team rockets --json"])
      .addOption(teamOption())
      .action((flags: TeamFlags, command: Command) => run(command, (call) => listMembers(call, flags))),
    newCommand("role", "Give a member another role.", ["team role you@example.org admin"])
      .argument("<member>", "their email or id")
      .addArgument(new Argument("<role>", "what they are from now on").choices(ROLES))
      .addOption(teamOption())
      .action((member: string, role: TeamRole, flags: TeamFlags, command: Command) =>
        run(command, (call) => setRole(call, member, role, flags)),
      ),
    newCommand("remove", "Remove a member; the keys that they made in the team go, too.", [
      "team remove you@example.org",
    ])
      .argument("<member>", "their email or id")
      .addOption(teamOption())
      .action((member: string, flags: TeamFlags, command: Command) =>
        run(command, (call) => removeMember(call, member, flags)),
      ),
    newCommand("leave", "Leave a team; the keys that you made in it go, too.", ["team leave --team rockets"])
      .addOption(teamOption())
      .action((flags: TeamFlags, command: Command) => run(command, (call) => leaveTeam(call, flags))),
  ];
}

async function listMembers(invocation: Invocation, flags: TeamFlags): Promise<undefined> {
  const { print, signal, surroundings } = invocation;
  const roost = await invocation.account();
  const teamId = await teamIdOf(roost, flags.team, signal);
  const members = await Array.fromAsync(roost.teams.members(teamId, { signal }));
  if (invocation.json) return void (await print.json(members.map(memberToWire)));
  if (invocation.quiet) {
    for (const member of members) await print.line(member.email);
    return;
  }
  const now = surroundings.now();
  await print.table<TeamMember>(
    [
      { title: "ID", text: (member) => member.id },
      { title: "EMAIL", text: (member) => member.email },
      { title: "ROLE", text: (member) => member.role },
      { title: "SINCE", text: (member) => relativeTime(member.createdAt, now) },
    ],
    members,
  );
}

async function setRole(invocation: Invocation, named: string, role: TeamRole, flags: TeamFlags): Promise<undefined> {
  const { print, signal } = invocation;
  const roost = await invocation.account();
  const teamId = await teamIdOf(roost, flags.team, signal);
  const { id } = await findMember(roost, teamId, named, signal);
  const member = await roost.teams.setRole(teamId, id, role, { signal });
  if (invocation.json) return void (await print.json(memberToWire(member)));
  await print.note(`${member.email} is ${member.role} now.`);
}

async function removeMember(invocation: Invocation, named: string, flags: TeamFlags): Promise<undefined> {
  const { print, signal } = invocation;
  const roost = await invocation.account();
  const teamId = await teamIdOf(roost, flags.team, signal);
  const member = await findMember(roost, teamId, named, signal);
  await roost.teams.removeMember(teamId, member.id, { signal });
  if (invocation.json) return void (await print.json({ removed: [member.id] }));
  await print.line(member.email);
}

async function leaveTeam(invocation: Invocation, flags: TeamFlags): Promise<undefined> {
  const { print, signal } = invocation;
  const roost = await invocation.account();
  const { userId, teamId: current } = await roost.me({ signal });
  const teamId = await teamIdOf(roost, flags.team, signal);
  await roost.teams.removeMember(teamId, userId, { signal });
  if (invocation.json) return void (await print.json({ left: teamId }));
  await print.line(teamId);
  if (teamId === current) await print.note("The session was for it: run roost login.");
}
