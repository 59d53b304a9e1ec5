/** Which way imports may point; ARCHITECTURE.md says why. Paths are regular expressions, relative to the checkout. */
import type { IForbiddenRuleType } from "dependency-cruiser";

/** Of each package, the other packages of this repository that it may import. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  sdk: [],
  cli: ["sdk"],
  console: ["sdk"],
  "control-plane": ["protocol"],
  "host-agent": ["protocol"],
  launcher: ["protocol", "sdk"],
};

/** What only tests are made of; a suite holds the cases that every implementation of an interface must pass. */
const TEST_CODE = "(\\.test\\.ts|-suite\\.ts|/testing/.*|/testing\\.ts)$";

export const ARROW_RULES: IForbiddenRuleType[] = [
  ...Object.entries(MAY_IMPORT).map(([name, allowed]) => packageRule(name, allowed)),
  {
    name: "no-relative-way-into-another-package",
    comment: "Another package is imported by its name, through what its package.json exports.",
    severity: "error",
    from: { path: "^(packages/[^/]+|tests)/" },
    to: { path: "^packages/", pathNot: "^$1/", dependencyTypes: ["local"] },
  },
  {
    name: "products-do-not-know-tests",
    comment: "What runs at a user's does not import what only tests are made of.",
    severity: "error",
    from: { path: "^packages/", pathNot: TEST_CODE },
    to: { path: `^tests/|${TEST_CODE}` },
  },
  {
    name: "domain-does-not-know-http",
    comment:
      "http parses, authorises, calls and maps errors; the domain folders do not know that they are called by it.",
    severity: "error",
    from: { path: "^packages/control-plane/src/[^/]+/", pathNot: `^packages/control-plane/src/http/|${TEST_CODE}` },
    to: { path: "^packages/control-plane/src/http/" },
  },
  {
    name: "domain-does-not-know-rpc",
    comment: "rpc parses, calls and maps errors; the domain folders do not know that they are called by it.",
    severity: "error",
    from: { path: "^packages/host-agent/src/[^/]+/", pathNot: `^packages/host-agent/src/rpc/|${TEST_CODE}` },
    to: { path: "^packages/host-agent/src/rpc/" },
  },
  {
    name: "database-knows-nobody",
    comment: "Tables and migrations are what the domain folders build on, not the other way round.",
    severity: "error",
    from: { path: "^packages/control-plane/src/db/", pathNot: TEST_CODE },
    to: { path: "^packages/control-plane/src/", pathNot: "^packages/control-plane/src/(db/|config\\.ts$)" },
  },
  {
    name: "composition-root-is-the-root",
    comment: "main.ts builds the parts and hands them in; nothing reaches back for it.",
    severity: "error",
    from: {},
    to: { path: "^packages/[^/]+/src/main\\.ts$" },
  },
  {
    name: "no-circles",
    comment: "Two files that need each other are one file, or three.",
    severity: "error",
    from: {},
    to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
  },
];

function packageRule(name: string, allowed: readonly string[]): IForbiddenRuleType {
  const reachable = ["node_modules", `packages/(${[name, ...allowed].join("|")})`].join("|");
  return {
    name: `${name}-imports`,
    comment:
      allowed.length === 0 ? `${name} builds on no other package.` : `${name} builds on ${allowed.join(" and ")} only.`,
    severity: "error",
    from: { path: `^packages/${name}/`, pathNot: TEST_CODE },
    to: { path: "^(packages|tests)/", pathNot: `^(${reachable})/` },
  };
}
