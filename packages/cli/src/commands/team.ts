/** `roost team`: one's teams, and who is in them. */
import type { Command } from "commander";
import { newCommand, type Run } from "../command.ts";
import { invitationCommands } from "./team/invitations.ts";
import { memberCommands } from "./team/members.ts";
import { recordCommands } from "./team/records.ts";
import { teamCommands } from "./team/teams.ts";

export function teamCommand(run: Run): Command {
  const group = newCommand("team", "See and change your teams, and who is in them.", [
    "team ls",
    "team create rockets",
    "team switch rockets",
    "team invite you@example.org --role admin",
    "team audit",
  ]).addHelpText("after", "\nA team is named by its id or, where only one of yours has it, by its name.");
  const commands = [...teamCommands(run), ...memberCommands(run), ...invitationCommands(run), ...recordCommands(run)];
  for (const command of commands) group.addCommand(command);
  return group;
}
