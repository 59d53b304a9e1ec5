import assert from "node:assert/strict";
import { test } from "node:test";
import { hashPassword, verifyPassword } from "./passwords.ts";

test("A1: a password is told from any other by its hash, of which no two are the same", async () => {
  const [first, second] = await Promise.all([hashPassword("correct horse"), hashPassword("correct horse")]);
  assert.notEqual(first, second);
  assert.match(first, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  assert.equal(await verifyPassword("correct horse", first), true);
  assert.equal(await verifyPassword("correct horse ", first), false);
  assert.equal(await verifyPassword("", first), false);
});

test("A1: the same characters in another Unicode form are the same password", async () => {
  const hash = await hashPassword("pässwörd ﬁ".normalize("NFC"));
  assert.equal(await verifyPassword("pässwörd fi".normalize("NFD"), hash), true);
});

test("A1: without a user no password is right, not even that of the stand-in", async () => {
  assert.equal(await verifyPassword("", undefined), false);
  assert.equal(await verifyPassword("password", undefined), false);
});

test("a stored hash that is none is a fault, not a wrong password", async () => {
  await assert.rejects(verifyPassword("x", "md5:abc"), /does not have the form/);
});
