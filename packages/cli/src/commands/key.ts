/** `roost key`: the team's API keys. */

import { type ApiKey, apiKeyToWire } from "@roost/sdk";
import { type Command, InvalidArgumentError, Option } from "commander";
import { newCommand, type Run } from "../command.ts";
import type { Invocation } from "../invocation.ts";
import { relativeTime } from "../output/relative-time.ts";

export function keyCommand(run: Run): Command {
  const group = newCommand("key", "Make, list and delete API keys.", ["key create ci", "key ls", "key rm key-…"]);
  const create = newCommand("create", "Make an API key and print it: it is shown only now.", [
    "key create ci",
    "key create ci --expires 90",
  ])
    .argument("<name>", "what it is for")
    .addOption(new Option("--expires <days>", "after how many days it opens nothing any more").argParser(parseDays))
    .action((name: string, flags: CreateFlags, command: Command) =>
      run(command, (call) => createKey(call, name, flags)),
    );
  const list = newCommand("ls", "List API keys.", ["key ls", "key ls --json"])
    .alias("list")
    .action((_flags: unknown, command: Command) => run(command, listKeys));
  const remove = newCommand("rm", "Delete API keys: from now on they open nothing.", ["key rm key-…"])
    .argument("<id...>", "their ids, from roost key ls")
    .action((ids: string[], _flags: unknown, command: Command) => run(command, (call) => removeKeys(call, ids)));
  return group.addCommand(create).addCommand(list).addCommand(remove);
}

interface CreateFlags {
  readonly expires?: number;
}

const DAY_MS = 24 * 3600 * 1000;

function parseDays(text: string): number {
  if (!/^[1-9]\d{0,4}$/.test(text)) throw new InvalidArgumentError("It is a whole number of days from 1 on.");
  return Number(text);
}

async function createKey(invocation: Invocation, name: string, flags: CreateFlags): Promise<undefined> {
  const { print, signal, surroundings } = invocation;
  const roost = await invocation.account();
  const { expires } = flags;
  const expiresAt = expires === undefined ? undefined : new Date(surroundings.now().getTime() + expires * DAY_MS);
  const key = await roost.apiKeys.create(name, { expiresAt, signal });
  if (invocation.json) return void (await print.json({ ...apiKeyToWire(key), key: key.key }));
  await print.line(key.key);
  await print.note("Keep it: it is not shown again.");
}

async function listKeys(invocation: Invocation): Promise<undefined> {
  const { print, signal, surroundings } = invocation;
  const roost = await invocation.account();
  const keys = await Array.fromAsync(roost.apiKeys.list({ signal }));
  if (invocation.json) return void (await print.json(keys.map(apiKeyToWire)));
  if (invocation.quiet) {
    for (const key of keys) await print.line(key.id);
    return;
  }
  const now = surroundings.now();
  await print.table<ApiKey>(
    [
      { title: "ID", text: (key) => key.id },
      { title: "NAME", text: (key) => key.name },
      { title: "KEY", text: (key) => `${key.keyPrefix}…` },
      { title: "CREATED", text: (key) => relativeTime(key.createdAt, now) },
      { title: "ENDS", text: (key) => key.expiresAt?.toISOString() ?? "never" },
      { title: "LAST USED", text: (key) => (key.lastUsed === null ? "never" : relativeTime(key.lastUsed, now)) },
    ],
    keys,
  );
}

async function removeKeys(invocation: Invocation, ids: readonly string[]): Promise<undefined> {
  const { print, signal } = invocation;
  const roost = await invocation.account();
  for (const id of ids) {
    await roost.apiKeys.delete(id, { signal });
    if (!invocation.json) await print.line(id);
  }
  if (invocation.json) await print.json({ deleted: ids });
}
