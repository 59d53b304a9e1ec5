/** `roost config`: what this command line would use, and where each value comes from. Secrets show only their beginning. */
import type { Command } from "commander";
import { newCommand, type Run } from "../command.ts";
import type { Invocation } from "../invocation.ts";
import type { ClientSettings, Session } from "../settings/client-settings.ts";
import { credentialsPath, userConfigPath } from "../settings/stored-files.ts";

/** As long as the prefix by which `key ls` shows a key. */
const KEY_PREFIX_LENGTH = 12;

interface Row {
  readonly name: string;
  readonly value: string | null;
  readonly source: string | null;
}

export function configCommand(run: Run): Command {
  return newCommand("config", "Show which Roost is used, and where that is set.", ["config", "config --json"]).action(
    (_flags: unknown, command: Command) => run(command, config),
  );
}

async function config(invocation: Invocation): Promise<undefined> {
  const { print, surroundings } = invocation;
  const settings = await invocation.settings();
  const rows = rowsOf(settings);
  if (invocation.json) {
    const entries = rows.map(({ name, value, source }) => [name, { value, source }] as const);
    return void (await print.json(Object.fromEntries(entries)));
  }
  await print.table(
    [
      { title: "SETTING", text: (row) => row.name },
      { title: "VALUE", text: (row) => row.value ?? "-" },
      { title: "FROM", text: (row) => row.source ?? "-" },
    ],
    rows,
  );
  for (const path of settings.unreadable) await print.note(`${path} is there, but not for this user to read.`);
  const places = [credentialsPath(surroundings.env, surroundings.checkout), userConfigPath(surroundings.env)];
  await print.note("");
  await print.note("Looked at, in this order:");
  for (const place of ["--url, --api-key", "ROOST_URL, ROOST_API_KEY", ...places]) {
    if (place !== undefined) await print.note(`  ${place}`);
  }
  await print.note("The settings of the servers are in docs/settings.md.");
}

function rowsOf({ url, apiKey, session }: ClientSettings): readonly Row[] {
  return [
    { name: "url", value: url.value, source: url.source },
    { name: "api_key", value: apiKey ? keyPrefix(apiKey.value) : null, source: apiKey?.source ?? null },
    { name: "session", value: session ? describe(session.value) : null, source: session?.source ?? null },
  ];
}

function keyPrefix(key: string): string {
  return `${key.slice(0, KEY_PREFIX_LENGTH)}…`;
}

function describe(session: Session): string {
  return session.kind === "token" ? (session.email ?? "logged in") : `${session.email} (logs in when needed)`;
}
