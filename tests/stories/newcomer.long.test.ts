/**
 * What README tells a newcomer to do, in a fresh clone that only root may enter. Long, because the clone installs its npm packages
 * and builds the native programs anew; what was downloaded before serves it (ROOST_CACHE).
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { takeLot } from "@roost/launcher/lot";
import { readSettings } from "@roost/launcher/settings";
import { hostMark } from "@roost/protocol/ids";
import { machineState } from "../machine-state/machine-state.ts";

const run = promisify(execFile);

test("up, create, exec, down, in a checkout that only root may enter: 42, and nothing is left (U2)", async () => {
  await using stack = new AsyncDisposableStack();
  const { checkout, cache } = readSettings(process.env);
  const lot = stack.use(await takeLot());
  const folder = await mkdtemp("/root/roost-newcomer-"); // Mode 0700, below a folder that is 0700 too.
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const clone = join(folder, "roost");
  await run("git", ["clone", "--quiet", "--local", checkout, clone]);
  const env = { ...lot.environment, ROOST_CACHE: cache, HOME: folder, PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };
  const roost = async (...args: string[]): Promise<string> => {
    const { stdout } = await run(join(clone, "roost"), args, { cwd: clone, env, maxBuffer: 1 << 26 });
    return stdout;
  };

  const up = JSON.parse((await roost("up", "--detach", "--json")).trim().split("\n").at(-1) ?? "");
  stack.defer(async () => void (await roost("down")));
  assert.deepEqual(Object.keys(up).sort(), ["admin_email", "admin_password", "api_key", "url"]);
  const { id } = JSON.parse(await roost("create", "--json"));
  assert.equal(await roost("exec", id, "--", "python3", "-c", "print(6*7)"), "42\n");
  const identity = JSON.parse(await readFile(join(clone, ".roost/data/host/identity.json"), "utf8"));

  await roost("down");
  const left = await machineState({ mark: hostMark(identity.host_id), folders: [lot.environment.ROOST_RUN] });
  assert.deepEqual(left, []);
});
