/**
 * A fuzzer on the document: schemathesis sends what the document allows, and what it does not, to a control plane with hosts. It finds
 * no 5xx, no answer that the document does not have, and nothing accepted that it forbids.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { startTestControlPlane } from "../testing/control-plane.ts";
import { teamWithHosts } from "../testing/team.ts";

const FUZZER = "schemathesis==4.32.5";
/** The same inputs in every run: what fails, fails again. */
const SEED = "20261124";
const EXAMPLES = process.env.ROOST_FUZZ_EXAMPLES ?? "60";

async function run(command: string, args: readonly string[]): Promise<{ code: number; output: string }> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(child, "exit");
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = await ended;
  return { code: code ?? 1, output: out + err };
}

/** schemathesis from PyPI, in an environment of its own that goes with the folder. */
async function installFuzzer(folder: string): Promise<string> {
  const install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", FUZZER];
  for (const [program, args] of [
    ["python3", ["-m", "venv", folder]],
    [join(folder, "bin/python"), install],
  ] as const) {
    const { code, output } = await run(program, args);
    assert.equal(code, 0, `${program} ${args.join(" ")}: ${output}`);
  }
  return join(folder, "bin/schemathesis");
}

test("A6: a fuzzer on the document finds no 5xx, and no answer that the document does not have", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "roost-fuzzer-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const fuzzer = process.env.ROOST_FUZZER ?? (await installFuzzer(folder));
  await using plane = await startTestControlPlane({ ROOST_CREATE_TIMEOUT_SEC: "5", ROOST_LOG_LEVEL: "warn" });
  await using team = await teamWithHosts(plane);
  // Of two teams: what the fuzzer does with the session must not end the key.
  const { key } = team.member;
  const { session } = await plane.newMember();
  const checks = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
  ];
  const { code, output } = await run(fuzzer, [
    ...["run", `${plane.api.url}/openapi.json`, "--checks", checks.join(",")],
    ...["--header", `X-API-Key: ${key}`, "--header", `Authorization: Bearer ${session}`],
    ...["--header", `X-Host-Token: ${team.peer.token}`],
    ...["--max-examples", EXAMPLES, "--seed", SEED, "--request-timeout", "60", "--no-color"],
    ...["--generation-with-security-parameters", "false", "--generation-database", "none", "--continue-on-failure"],
  ]);
  const summary = output.slice(output.indexOf("SUMMARY") - 40);
  t.diagnostic(summary);
  assert.equal(code, 0, `${output.slice(-20_000)}\nlog of the control plane:\n${plane.log().slice(-10_000)}`);
});
