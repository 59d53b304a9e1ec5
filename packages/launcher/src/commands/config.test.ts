import assert from "node:assert/strict";
import { test } from "node:test";
import { readSettings } from "../settings.ts";
import { config } from "./config.ts";
import type { Machine } from "./machine.ts";

/** A machine of which only what is written to its standard output matters here. */
async function outputOf(options: { json: boolean }): Promise<string> {
  const written: string[] = [];
  const stdout = { write: (text: string) => written.push(text) > 0 } as unknown as NodeJS.WriteStream;
  const machine: Machine = { uid: 0, stdout, stderr: stdout, interrupted: new AbortController().signal };
  const settings = readSettings({
    PATH: process.env.PATH,
    HOME: "/nonexistent",
    ROOST_HOME: "/nonexistent/home",
    ROOST_LISTEN: "127.0.0.1:5999",
    ROOST_SLOT_CIDR: "10.99.0.0/22",
    ROOST_HOST_TOKEN: "not to be shown",
  });
  await config(settings, machine, options);
  return written.join("");
}

test("config lists the settings of client, control plane and host agent, as this Roost has them (A5)", async () => {
  const text = await outputOf({ json: false });
  assert.match(text, /^Command line$/m);
  assert.match(text, /^ {2}ROOST_LISTEN=127\.0\.0\.1:5999$/m);
  assert.match(text, /^ {2}ROOST_SLOT_CIDR=10\.99\.0\.0\/22$/m);
  assert.match(text, /^ {2}ROOST_DATA=\/nonexistent\/home\/data$/m);
  assert(!text.includes("not to be shown"));
});

test("config --json is one document with the same three parts", async () => {
  const parts = JSON.parse(await outputOf({ json: true }));
  assert.deepEqual(Object.keys(parts), ["client", "control_plane", "host_agent"]);
  const names = parts.host_agent.map(({ name }: { name: string }) => name);
  assert(names.includes("ROOST_SLOT_CIDR"));
  assert(parts.control_plane.every(({ description }: { description: string }) => description.length > 0));
});
