import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { readSettings } from "../settings.ts";
import { nodeTestParts } from "./node-tests.ts";
import { add, type Counts, NOTHING } from "./part.ts";

const FILES = {
  "packages/a/src/good.test.ts":
    'import { test } from "node:test";\ntest("good", () => {});\ntest.skip("later", () => {});\n',
  "packages/a/src/slow.long.test.ts": 'import { test } from "node:test";\ntest("long", () => {});\n',
  "packages/a/src/node_modules/b/b.test.ts": "throw new Error('not ours');\n",
  "tests/stories/good.test.ts": 'import { test } from "node:test";\ntest("good", () => {});\n',
  "tests/lab/lab.test.ts": 'import { test } from "node:test";\ntest("lab", () => {});\n',
};

async function run(
  t: { after(work: () => Promise<void>): void },
  scope: "usual" | "all" | "lab",
  further: Record<string, string> = {},
): Promise<Counts> {
  const checkout = await mkdtemp(join(tmpdir(), "roost-tests-"));
  t.after(() => rm(checkout, { recursive: true, force: true }));
  for (const [path, content] of Object.entries({ ...FILES, ...further })) {
    await mkdir(dirname(join(checkout, path)), { recursive: true });
    await writeFile(join(checkout, path), content);
  }
  const settings = { ...readSettings({}), checkout };
  const context = { settings, environment: {}, write: () => {}, signal: new AbortController().signal };
  let counts = NOTHING;
  for (const part of await nodeTestParts(checkout, scope, [])) counts = add(counts, await part.run(context));
  return counts;
}

test("a usual run takes all tests but the long ones and the lab's", async (t) => {
  assert.deepEqual(await run(t, "usual"), { passed: 2, failed: 0, skipped: 1 });
});

test("--all takes the long ones along, --lab runs the lab's alone", async (t) => {
  assert.deepEqual(await run(t, "all"), { passed: 3, failed: 0, skipped: 1 });
  assert.deepEqual(await run(t, "lab"), { passed: 1, failed: 0, skipped: 0 });
});

test("a file that is not there is told, not passed over", async () => {
  await assert.rejects(nodeTestParts(tmpdir(), "usual", ["nowhere-at-all.test.ts"]), /no test file nowhere-at-all/);
});

test("what fails, is cancelled, or cannot even be loaded is counted as failed", async (t) => {
  const bad = `
    import { describe, test } from "node:test";
    test("bad", () => { throw new Error("bad"); });
    describe("never begun", () => {
      test.before(() => { throw new Error("no ground"); });
      test("one", () => {});
      test("two", () => {});
    });
  `;
  const counts = await run(t, "usual", {
    "packages/a/src/bad.test.ts": bad,
    "packages/a/src/broken.test.ts": 'import "./nowhere.ts";\n',
  });
  assert.equal(counts.passed, 2);
  assert.ok(counts.failed >= 4, JSON.stringify(counts));
});
