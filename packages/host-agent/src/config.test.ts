import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { RoostError } from "@roost/protocol/errors";
import { loadConfig, settingsTable, withEnvFile } from "./config.ts";
import { temporaryFolder } from "./identity/testing/temporary-folder.ts";

suite("A5: the agent's settings", () => {
  test("every setting has a default, or says what holds without", () => {
    const config = loadConfig({});
    assert.deepEqual(config.listen, { host: "127.0.0.1", port: 4701 });
    assert.deepEqual(config.address, config.listen);
    assert.equal(config.assets, "/var/lib/roost/assets");
    assert.equal(config.controlPlaneUrl.href, "http://127.0.0.1:4700/");
    assert.equal(config.hostToken, undefined);
    assert.equal(config.heartbeatSec, 30);
    for (const row of settingsTable) assert.ok(row.default ?? row.fallback, row.name);
  });

  test("what is set wins; what is set to nothing is not set", () => {
    const config = loadConfig({
      ROOST_DATA: "/srv/roost",
      ROOST_AGENT_LISTEN: "0.0.0.0:5000",
      ROOST_AGENT_ADDRESS: "[fd00::1]:5001",
      ROOST_HOST_RESERVE_MB: "2048",
      ROOST_RUN: "",
    });
    assert.equal(config.assets, "/srv/roost/assets");
    assert.deepEqual(config.address, { host: "fd00::1", port: 5001 });
    assert.equal(config.hostReserveMb, 2048);
    assert.equal(config.run, "/run/roost");
  });

  const wrong: [string, string][] = [
    ["ROOST_DATA", "relative/path"],
    ["ROOST_RUN", `/${"long".repeat(30)}`],
    ["ROOST_AGENT_LISTEN", "4701"],
    ["ROOST_AGENT_LISTEN", "127.0.0.1:70000"],
    ["ROOST_AGENT_ADDRESS", "host:"],
    ["ROOST_CONTROL_PLANE_URL", "roost.example"],
    ["ROOST_CONTROL_PLANE_URL", "http://10.0.0.1:4700"],
    ["ROOST_CONTROL_PLANE_URL", "https://user:word@roost.example"],
    ["ROOST_VMM", "xen"],
    ["ROOST_DISK", "zfs"],
    ["ROOST_SLOT_CIDR", "10.0.0.0"],
    ["ROOST_SLOT_CIDR", "10.213.0.1/16"],
    ["ROOST_VMM_UID_BASE", "0"],
    ["ROOST_VMM_UID_BASE", "1e9"],
    ["ROOST_HOST_RESERVE_MB", "-1"],
    ["ROOST_HEARTBEAT_SEC", "0"],
    ["ROOST_HEARTBEAT_SEC", "61"],
    ["ROOST_HEARTBEAT_SEC", "3.5"],
    ["ROOST_LOG_LEVEL", "loud"],
  ];
  for (const [name, value] of wrong) {
    test(`${name}=${value.slice(0, 40)} is refused by its name, with what it must be`, () => {
      assert.throws(
        () => loadConfig({ [name]: value }),
        (error: unknown) => {
          assert.ok(error instanceof RoostError);
          assert.match(error.message, new RegExp(`^${name} .*(must be|should be)`));
          return true;
        },
      );
    });
  }

  test("a token that is wrong is not shown", () => {
    const token = "t".repeat(2_000);
    assert.throws(
      () => loadConfig({ ROOST_HOST_TOKEN: token }),
      (error: unknown) => error instanceof RoostError && !error.message.includes("ttt"),
    );
  });

  test("a .env is read, and the real environment wins over it", async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, ".env"), "# ours\nROOST_LOG_LEVEL=debug\nROOST_HEARTBEAT_SEC='5'\n");
    const config = loadConfig(withEnvFile({ ROOST_HEARTBEAT_SEC: "7" }, folder.path));
    assert.equal(config.logLevel, "debug");
    assert.equal(config.heartbeatSec, 7);
  });

  test("no .env is no error; one that cannot be read is", async () => {
    await using folder = await temporaryFolder();
    assert.deepEqual(withEnvFile({ A: "b" }, folder.path), { A: "b" });
    await using broken = await temporaryFolder();
    await (await import("node:fs/promises")).mkdir(join(broken.path, ".env"));
    assert.throws(() => withEnvFile({}, broken.path), /cannot be read/);
  });

  test("docs/settings-agent.md lists exactly these settings, with their defaults", () => {
    const page = readFileSync(new URL("../../../docs/settings-agent.md", import.meta.url), "utf8");
    const rows = page.split("\n").filter((line) => line.startsWith("| `ROOST_"));
    assert.deepEqual(rows, settingsTable.map(documentedRow));
  });
});

function documentedRow(row: (typeof settingsTable)[number]): string {
  const byDefault = row.default === undefined ? row.fallback : `\`${row.default}\``;
  const unit = row.unit === undefined ? "" : ` (${row.unit})`;
  return `| \`${row.name}\`${unit} | ${byDefault} | ${row.description} It must be ${row.mustBe}. |`;
}
