import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { ERROR_CODES } from "@roost/protocol/errors";
import { startTestControlPlane } from "../testing/control-plane.ts";

const plane = await startTestControlPlane();
after(() => plane[Symbol.asyncDispose]());
const page = await readFile(join(import.meta.dirname, "../../../../docs/api.md"), "utf8");

const ACCESS: Record<string, string> = { "ApiKey Session": "K", Session: "J", HostToken: "H", "": "–" };

test("docs/api.md has every route of the server, with who may call it, and no other", () => {
  const documented = [...page.matchAll(/^\| `((?:GET|POST|PATCH|DELETE) [^`]+)` \| (\S) \|/gm)].map(
    ([, route, who]) => `${route} ${who}`,
  );
  const served = Object.entries(plane.api.document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => {
      const schemes = (operation as { security?: object[] }).security ?? [];
      return `${method.toUpperCase()} ${path} ${ACCESS[schemes.flatMap((scheme) => Object.keys(scheme)).join(" ")]}`;
    }),
  );
  assert.deepEqual(documented.toSorted(), served.toSorted());
});

test("docs/api.md has every error code with its status", () => {
  const documented = [...page.matchAll(/^\| `([a-z_]+)` \| (\d{3}) \|/gm)].map(([, code, status]) => [
    code,
    Number(status),
  ]);
  assert.deepEqual(
    documented,
    Object.entries(ERROR_CODES).map(([code, { http }]) => [code, http]),
  );
});
