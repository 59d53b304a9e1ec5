import assert from "node:assert/strict";
import { test } from "node:test";
import { librariesAmong, majorsIn } from "./postgresql.ts";

test("the majors that apt offers are read from its listing", () => {
  const listing = `postgresql-13-pgaudit - audit
postgresql-15 - The World's Most Advanced Open Source Relational Database
postgresql-17 - The World's Most Advanced Open Source Relational Database
`;
  assert.deepEqual(majorsIn(listing), [15, 17]);
});

test("of what PostgreSQL's package depends on only libraries are installed: no cluster tools, no certificates, no LLVM", () => {
  const dependencies = [
    "postgresql-client-15",
    "postgresql-common",
    "ssl-cert",
    "tzdata",
    "locales",
    "libc6",
    "libllvm14",
    "libpq5",
  ];
  assert.deepEqual(librariesAmong(dependencies), ["tzdata", "libc6", "libpq5"]);
});
