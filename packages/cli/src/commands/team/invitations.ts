/** Letting people into a team: invitations, and accepting one. */
import { inviteToWire, type TeamInvite, type TeamRole, teamToWire } from "@roost/sdk";
import { type Command, Option } from "commander";
import { newCommand, type Run } from "../../command.ts";
import type { Invocation } from "../../invocation.ts";
import { relativeTime } from "../../output/relative-time.ts";
import { askSecret, readFirstLine } from "../../prompt.ts";
import { type TeamFlags, teamIdOf, teamOption } from "./find-team.ts";
import { ROLES } from "./members.ts";

interface InviteFlags extends TeamFlags {
  readonly role: TeamRole;
}

export function invitationCommands(run: Run): readonly Command[] {
  return [
    newCommand("invite", "Invite someone by email, and print the token to pass on to them: it is shown only now.", [
      "team invite you@example.org",
      "team invite you@example.org --role admin --team rockets",
    ])
      .argument("<email>", "of the account that may accept it, or that is yet to sign up")
      .addOption(new Option("--role <role>", "what they will be").choices(ROLES).default("member"))
      .addOption(teamOption())
      .action((email: string, flags: InviteFlags, command: Command) =>
        run(command, (call) => invite(call, email, flags)),
      ),
    newCommand("invites", "List a team's open invitations.", ["team invites"])
      .addOption(teamOption())
      .action((flags: TeamFlags, command: Command) => run(command, (call) => listInvites(call, flags))),
    newCommand("uninvite", "Take invitations back.", ["team uninvite inv-…"])
      .argument("<id...>", "their ids, from roost team invites")
      .addOption(teamOption())
      .action((ids: string[], flags: TeamFlags, command: Command) =>
        run(command, (call) => removeInvites(call, ids, flags)),
      ),
    newCommand("join", "Accept an invitation: its token is asked for, or read from standard input.", [
      "team join",
      "team join < token.txt",
    ]).action((_flags: unknown, command: Command) => run(command, join)),
  ];
}

async function invite(invocation: Invocation, email: string, flags: InviteFlags): Promise<undefined> {
  const { print, signal } = invocation;
  const roost = await invocation.account();
  const teamId = await teamIdOf(roost, flags.team, signal);
  const made = await roost.teams.invite(teamId, { email, role: flags.role }, { signal });
  if (invocation.json) return void (await print.json({ ...inviteToWire(made), token: made.token }));
  await print.line(made.token);
  await print.note(
    `Pass it on to ${made.email}, who runs roost team join with it within a week. It is not shown again.`,
  );
}

async function listInvites(invocation: Invocation, flags: TeamFlags): Promise<undefined> {
  const { print, signal, surroundings } = invocation;
  const roost = await invocation.account();
  const teamId = await teamIdOf(roost, flags.team, signal);
  const invites = await Array.fromAsync(roost.teams.invites(teamId, { signal }));
  if (invocation.json) return void (await print.json(invites.map(inviteToWire)));
  if (invocation.quiet) {
    for (const each of invites) await print.line(each.id);
    return;
  }
  const now = surroundings.now();
  await print.table<TeamInvite>(
    [
      { title: "ID", text: (each) => each.id },
      { title: "EMAIL", text: (each) => each.email },
      { title: "ROLE", text: (each) => each.role },
      { title: "CREATED", text: (each) => relativeTime(each.createdAt, now) },
      { title: "ENDS", text: (each) => each.expiresAt.toISOString() },
    ],
    invites,
  );
}

async function removeInvites(invocation: Invocation, ids: readonly string[], flags: TeamFlags): Promise<undefined> {
  const { print, signal } = invocation;
  const roost = await invocation.account();
  const teamId = await teamIdOf(roost, flags.team, signal);
  for (const id of ids) {
    await roost.teams.deleteInvite(teamId, id, { signal });
    if (!invocation.json) await print.line(id);
  }
  if (invocation.json) await print.json({ deleted: ids });
}

async function join(invocation: Invocation): Promise<undefined> {
  const { print, signal, surroundings } = invocation;
  const roost = await invocation.account();
  // Not an argument: other users of the machine could see it.
  const isAsked = surroundings.stdin.isTTY === true;
  const token = isAsked
    ? await askSecret(surroundings, "The invitation's token: ")
    : await readFirstLine(surroundings.stdin, signal);
  const team = await roost.teams.acceptInvite(token.trim(), { signal });
  if (invocation.json) return void (await print.json(teamToWire(team)));
  await print.line(team.id);
  await print.note(`You are ${team.role} of ${team.name}. Act for it with roost team switch ${team.id}.`);
}
