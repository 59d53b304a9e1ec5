import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { checkImportArrows } from "./import-arrows.ts";

/** A tree laid out as this repository is, with these files. */
async function tree(t: { after(work: () => Promise<void>): void }, files: Record<string, string>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "roost-arrows-"));
  t.after(() => rm(root, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
  return root;
}

const AGENT = { "packages/host-agent/src/sandboxes/sandboxes.ts": "export type Sandbox = { readonly id: string };\n" };

test("imports along the arrows are fine", async (t) => {
  const root = await tree(t, {
    ...AGENT,
    "packages/host-agent/src/rpc/routes.ts":
      'import type { Sandbox } from "../sandboxes/sandboxes.ts";\nexport const route = (sandbox: Sandbox) => sandbox.id;\n',
  });
  assert.deepEqual(await checkImportArrows(root), { violations: [], filesRead: 2 });
});

test("a planted import of the host agent in the control plane is found, even of a type alone", async (t) => {
  const root = await tree(t, {
    ...AGENT,
    "packages/control-plane/src/planted.ts":
      'import type { Sandbox } from "../../host-agent/src/sandboxes/sandboxes.ts";\nexport const id = (sandbox: Sandbox) => sandbox.id;\n',
  });
  const { violations } = await checkImportArrows(root);
  const arrow = "packages/control-plane/src/planted.ts → packages/host-agent/src/sandboxes/sandboxes.ts";
  assert.ok(violations.includes(`control-plane-imports: ${arrow}`), violations.join("\n"));
});

test("a planted import of http in a domain folder is found", async (t) => {
  const root = await tree(t, {
    "packages/control-plane/src/http/errors.ts": "export const code = 404;\n",
    "packages/control-plane/src/users/users.ts":
      'import { code } from "../http/errors.ts";\nexport const status = code;\n',
  });
  assert.deepEqual((await checkImportArrows(root)).violations, [
    "domain-does-not-know-http: packages/control-plane/src/users/users.ts → packages/control-plane/src/http/errors.ts",
  ]);
});

test("a planted circle is found", async (t) => {
  const root = await tree(t, {
    "packages/sdk/src/a.ts": 'import { b } from "./b.ts";\nexport const a = () => b;\n',
    "packages/sdk/src/b.ts": 'import { a } from "./a.ts";\nexport const b = () => a;\n',
  });
  const { violations } = await checkImportArrows(root);
  assert.ok(
    violations.length > 0 && violations.every((violation) => violation.startsWith("no-circles")),
    violations.join("\n"),
  );
});
