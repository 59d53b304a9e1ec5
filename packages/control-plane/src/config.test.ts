import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ConfigError, listSettings, loadConfig } from "./config.ts";
import { SETTINGS_PAGE, withSettingsTable } from "./settings-page.ts";

const ROOST_SECRET = "0123456789abcdef0123456789abcdef";

test("A5: with a secret alone, every setting has its documented default", () => {
  const config = loadConfig({ ROOST_SECRET });
  assert.deepEqual(config.listen, { host: "127.0.0.1", port: 4700 });
  assert.deepEqual(config.metricsListen, { host: "127.0.0.1", port: 4702 });
  assert.equal(config.signUp, "closed");
  assert.deepEqual(config.limits, {
    maxVcpus: 32,
    minMemoryMb: 128,
    jsonBodyBytes: 1024 * 1024,
    execOutputBytes: 64 * 1024 * 1024,
    fileBytes: 100_000_000,
  });
});

test("A5: a variable that is set to nothing counts as not set", () => {
  assert.equal(loadConfig({ ROOST_SECRET, ROOST_SIGNUP: "", ROOST_MAX_VCPUS: "" }).limits.maxVcpus, 32);
});

test("A5: a wrong setting is refused in one sentence that names it, without telling a secret", () => {
  const cases: [Record<string, string>, RegExp][] = [
    [
      { ROOST_LISTEN: "here" },
      /^ROOST_LISTEN must be an address and a port, such as 127\.0\.0\.1:4700; it is "here"\.$/,
    ],
    [{ ROOST_LISTEN: "127.0.0.1:99999" }, /^ROOST_LISTEN must be .*; port 99999 does not exist\.$/],
    [{ ROOST_METRICS_LISTEN: ":1" }, /^ROOST_METRICS_LISTEN must be/],
    [{ ROOST_SIGNUP: "yes" }, /^ROOST_SIGNUP must be closed, invite or open; it is "yes"\.$/],
    [{ ROOST_MAX_VCPUS: "many" }, /^ROOST_MAX_VCPUS must be a whole number from 1 to 1024; it is "many"\.$/],
    [{ ROOST_MAX_VCPUS: "0" }, /^ROOST_MAX_VCPUS must be/],
    [{ ROOST_MAX_VCPUS: "1.5" }, /^ROOST_MAX_VCPUS must be/],
    [{ ROOST_MAX_VCPUS: "1e3" }, /^ROOST_MAX_VCPUS must be/],
    [{ ROOST_LOG_LEVEL: "loud" }, /^ROOST_LOG_LEVEL must be trace, debug/],
    [{ DATABASE_URL: "mysql://user:hunter2@db" }, /^DATABASE_URL must be a PostgreSQL address, such as [^;]+\.$/],
    [{ ROOST_SECRET: "short" }, /^ROOST_SECRET must hold at least 32 characters\.$/],
    [{ ROOST_SECRET: "", ROOST_SECRET_FILE: "/no/such/file" }, /^Set ROOST_SECRET, or make ROOST_SECRET_FILE .*ENOENT/],
  ];
  for (const [settings, message] of cases) {
    assert.throws(
      () => loadConfig({ ROOST_SECRET, ...settings }),
      (error) => {
        assert.ok(error instanceof ConfigError);
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /hunter2/);
        return true;
      },
    );
  }
});

test("N5: the API listens on loopback only, unless plain HTTP elsewhere is asked for in so many words", () => {
  for (const listen of ["127.0.0.1:1", "127.8.9.1:1", "localhost:1", "[::1]:1"]) {
    assert.ok(loadConfig({ ROOST_SECRET, ROOST_LISTEN: listen }));
  }
  for (const listen of ["0.0.0.0:1", "[::]:1", "10.0.0.1:1", "127.0.0.1.example.com:1"]) {
    assert.throws(
      () => loadConfig({ ROOST_SECRET, ROOST_LISTEN: listen }),
      /^ConfigError: ROOST_LISTEN must be a loopback/,
    );
    const allowed = { ROOST_SECRET, ROOST_LISTEN: listen, ROOST_ALLOW_PLAIN_HTTP: "yes" };
    assert.equal(loadConfig(allowed).listen.port, 1);
  }
});

test("A5: the secret can come from a file, and a line break at its end is no part of it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "roost-config-"));
  try {
    const file = join(folder, "secret");
    await writeFile(file, `${ROOST_SECRET}\n`);
    assert.equal(loadConfig({ ROOST_SECRET_FILE: file }).secret.toString(), ROOST_SECRET);
    await writeFile(file, "short");
    assert.throws(() => loadConfig({ ROOST_SECRET_FILE: file }), /ROOST_SECRET_FILE \(.*\) must hold at least 32/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("A5: the list of settings hides secrets, and shows what is in force", () => {
  const listed = listSettings({ ROOST_SECRET, DATABASE_URL: "postgres://u:hunter2@h/d", ROOST_MAX_VCPUS: "4" });
  const value = (name: string) => listed.find((setting) => setting.name === name)?.value;
  assert.deepEqual([value("ROOST_SECRET"), value("DATABASE_URL"), value("ROOST_MAX_VCPUS")], ["(set)", "(set)", 4]);
  assert.doesNotMatch(JSON.stringify(listed), /hunter2|0123456789abcdef/);
});

test("A5: the table in docs/settings.md is the one that the code makes: every setting, default and meaning", async () => {
  const page = await readFile(SETTINGS_PAGE, "utf8");
  assert.equal(withSettingsTable(page), page, "run npm run generate, and commit docs/settings.md");
});
