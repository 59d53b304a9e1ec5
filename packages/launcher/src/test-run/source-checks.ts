/** What can be said of the sources without running them: format and lint, types, which way imports point, contracts. */
import { join } from "node:path";
import { CONTRACT_CHECKS } from "./contracts.ts";
import type { Part } from "./part.ts";
import { programCheck } from "./program-check.ts";

export const SOURCE_CHECKS: readonly Part[] = [
  programCheck("format and lint", ({ settings }) => [
    process.execPath,
    join(settings.checkout, "node_modules/@biomejs/biome/bin/biome"),
    "check",
    "--error-on-warnings",
    ".",
  ]),
  programCheck("types", ({ settings }) => [
    process.execPath,
    join(settings.checkout, "node_modules/typescript/bin/tsc"),
    "--noEmit",
  ]),
  programCheck("import arrows", ({ settings }) => [
    process.execPath,
    join(settings.checkout, "packages/launcher/src/checks/import-arrows.ts"),
  ]),
  ...CONTRACT_CHECKS,
];
