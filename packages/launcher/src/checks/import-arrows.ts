/**
 * Checks which way imports point, by dependency-cruiser. It reads TypeScript through a package named `typescript` that must be older than
 * 7 (our own, which checks types, is 7: the compiler without a JavaScript API), and without one it finds no imports at all and reports
 * success. So it is handed `typescript-for-arrows`, and the number of files it has read is compared with what lies there.
 */
import { glob } from "node:fs/promises";
import { registerHooks } from "node:module";
import { join } from "node:path";
import { ARROW_RULES } from "./arrow-rules.ts";

export interface ArrowsReport {
  /** One line each: rule, from, to. */
  readonly violations: readonly string[];
  readonly filesRead: number;
}

/** Checks the tree at `root`, laid out as this repository is. */
export async function checkImportArrows(root: string): Promise<ArrowsReport> {
  using _ = olderTypeScript();
  const { cruise } = await import("dependency-cruiser");
  const files = await Array.fromAsync(
    glob("{packages/*/src,tests}/**/*.ts", { cwd: root, exclude: ["**/node_modules/**"] }),
  );
  const result = await cruise(
    files.sort(),
    {
      baseDir: root,
      validate: true,
      ruleSet: { forbidden: ARROW_RULES },
      doNotFollow: { path: "node_modules" },
      // Types are imports, too: who names another's types builds on it.
      tsPreCompilationDeps: true,
    },
    { exportsFields: ["exports"], conditionNames: ["import", "node", "default"] },
  );
  if (typeof result.output === "string") throw new TypeError("dependency-cruiser answered with a text");
  const { modules, summary } = result.output;
  const read = new Set(modules.filter(({ dependencies }) => dependencies.length > 0).map(({ source }) => source));
  if (files.length > 0 && read.size === 0)
    throw new Error("dependency-cruiser has read no TypeScript: it lacks its compiler");
  const unread = files.filter((file) => !modules.some(({ source }) => source === file));
  if (unread.length > 0) throw new Error(`dependency-cruiser has not read ${unread.join(", ")}`);
  const violations = summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`);
  return { violations, filesRead: files.length };
}

/** Puts the older compiler in the place of `typescript`, for this tool alone, which loads it when it first needs it. */
function olderTypeScript(): Disposable {
  const hooks = registerHooks({
    resolve(specifier, context, nextResolve) {
      const asked = /^typescript(\/.*)?$/.exec(specifier);
      const byCruiser = context.parentURL?.includes("/node_modules/dependency-cruiser/") === true;
      return nextResolve(asked !== null && byCruiser ? `typescript-for-arrows${asked[1] ?? ""}` : specifier, context);
    },
  });
  return { [Symbol.dispose]: () => hooks.deregister() };
}

if (import.meta.main) {
  const { violations, filesRead } = await checkImportArrows(join(import.meta.dirname, "../../../.."));
  for (const violation of violations) process.stdout.write(`${violation}\n`);
  process.stdout.write(`${violations.length} imports point the wrong way, in ${filesRead} files\n`);
  process.exitCode = violations.length === 0 ? 0 : 1;
}
