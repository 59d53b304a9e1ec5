import assert from "node:assert/strict";
import { test } from "node:test";
import { runHere } from "../testing/run-here.ts";
import { spawnRoost } from "../testing/spawn-roost.ts";
import { temporaryPlace } from "../testing/temporary-place.ts";

const KEY = `rst_${"0123456789abcdef".repeat(4)}`;

test("A5: config tells what is used and where it comes from, but no secret", async () => {
  await using place = await temporaryPlace();
  await place.writeCredentials({
    url: "http://here:4700",
    api_key: KEY,
    admin_email: "a@b",
    admin_password: "pass word",
  });
  const { exitCode, stdout, stderr } = await spawnRoost(["config"], { env: place.env, cwd: place.path });
  assert.equal(exitCode, 0);
  assert.deepEqual(stdout.toString().replaceAll(/ {2,}/g, "  ").split("\n"), [
    "SETTING  VALUE  FROM",
    `url  http://here:4700  ${place.credentialsPath}`,
    `api_key  rst_01234567…  ${place.credentialsPath}`,
    `session  a@b (logs in when needed)  ${place.credentialsPath}`,
    "",
  ]);
  assert.match(stderr, /docs\/settings\.md/);
});

test("A5: config --json says the same to programs; the environment comes before the files", async () => {
  await using place = await temporaryPlace();
  await place.writeCredentials({ url: "http://here:4700", api_key: KEY });
  await place.writeUserConfig({ url: "http://env:4700", token: "t", email: "me@env" });
  const env = { ...place.env, ROOST_URL: "http://env:4700" };
  const { stdout, stderr } = await spawnRoost(["config", "--json"], { env, cwd: "/" });
  assert.equal(stderr, "");
  assert.deepEqual(JSON.parse(stdout.toString()), {
    url: { value: "http://env:4700", source: "ROOST_URL" },
    api_key: { value: null, source: null },
    session: { value: "me@env", source: place.userConfigPath },
  });
});

test("a file that is no JSON is named", async () => {
  await using place = await temporaryPlace();
  await place.writeUserConfig("{ nonsense");
  const { exitCode, stderr } = await runHere(["ls"], { env: place.env });
  assert.equal(exitCode, 1);
  assert.ok(stderr.startsWith(`roost: ${place.userConfigPath} is not JSON.`), stderr);
});

test("without any credentials, the error says how to get some", async () => {
  await using place = await temporaryPlace();
  const { exitCode, stderr } = await spawnRoost(["ls"], { env: place.env });
  assert.equal(exitCode, 1);
  assert.match(stderr, /^roost: No credentials for http:\/\/127\.0\.0\.1:4700\. Run roost login,.*\.\/roost up\.\n$/);
});
