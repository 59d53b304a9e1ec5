/** The contracts in `proto/`: well formed, and the committed TypeScript is what they generate. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { runProgram } from "../programs/run-program.ts";
import type { Part, PartContext } from "./part.ts";
import { programCheck } from "./program-check.ts";

/** Where buf.gen.yaml puts it. */
const GENERATED = "packages/protocol/src/gen";

export const CONTRACT_CHECKS: readonly Part[] = [
  programCheck("contracts", ({ settings }) => [process.execPath, bufOf(settings.checkout), "lint"]),
  {
    name: "generated code",
    async run(context) {
      const folder = await mkdtemp(join(tmpdir(), "roost-generated-"));
      try {
        await generate(context, folder);
        const [made, committed] = await Promise.all(
          [folder, context.settings.checkout].map((root) => contentsOf(join(root, GENERATED))),
        );
        if (JSON.stringify(made) === JSON.stringify(committed)) return { passed: 1, failed: 0, skipped: 0 };
        context.write(`${GENERATED} is not what proto/ generates: run "npm run generate" and commit it\n`);
        return { passed: 0, failed: 1, skipped: 0 };
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  },
];

function bufOf(checkout: string): string {
  return join(checkout, "node_modules/@bufbuild/buf/bin/buf");
}

async function generate({ settings, environment, signal }: PartContext, folder: string): Promise<void> {
  // buf starts its plugin with the `node` that it finds.
  const env = { ...environment, PATH: `${dirname(process.execPath)}:${environment.PATH}` };
  const argv = [process.execPath, bufOf(settings.checkout), "generate", "--output", folder] as const;
  await runProgram(argv, { cwd: settings.checkout, env, signal });
}

/** Path and text of every file below, in order. */
async function contentsOf(folder: string): Promise<[string, string][]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(
    paths
      .sort()
      .map(async (path): Promise<[string, string]> => [path.slice(folder.length), await readFile(path, "utf8")]),
  );
}
