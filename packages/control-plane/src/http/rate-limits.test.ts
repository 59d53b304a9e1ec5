import assert from "node:assert/strict";
import { after, test } from "node:test";
import { PASSWORD, startTestControlPlane } from "../testing/control-plane.ts";
import { addressKey } from "./rate-limits.ts";

// So slow that no token comes back while a test runs.
const plane = await startTestControlPlane({
  ROOST_WRONG_PASSWORD_RATE_PER_MIN: "2",
  ROOST_SIGNUP_RATE_PER_HOUR: "4",
});
after(() => plane[Symbol.asyncDispose]());
const { api } = plane;

const logIn = (email: string, password: string) => api.post("/v1/auth/login", { json: { email, password } });

test("wrong passwords for one account are refused after some, the right one too, and others' accounts are not", async () => {
  const [guessed, other] = [await plane.newMember(), await plane.newMember()];
  assert.deepEqual(
    [(await logIn(guessed.email, "x")).status, (await logIn(guessed.email.toUpperCase(), "x")).status],
    [401, 401],
  );
  const refused = await logIn(guessed.email, PASSWORD);
  assert.deepEqual([refused.status, refused.body.error.code], [429, "rate_limited"]);
  const seconds = Number(refused.headers.get("retry-after"));
  assert.ok(seconds >= 1 && seconds <= 60, String(seconds));
  assert.equal((await logIn(other.email, PASSWORD)).status, 200);
});

test("changing a password is no way around it", async () => {
  const { session } = await plane.newMember();
  const json = { current_password: "wrong one", new_password: "another horse" };
  const attempt = () => api.post("/v1/auth/password", { session, json });
  assert.deepEqual([(await attempt()).status, (await attempt()).status, (await attempt()).status], [403, 403, 429]);
});

test("sign-ups from one address are refused after some", async () => {
  const answers: number[] = [];
  for (let n = 0; n < 5; n++) {
    const json = { email: `someone-${n}@example.com`, password: PASSWORD };
    answers.push((await api.post("/v1/auth/signup", { json })).status);
  }
  assert.equal(answers.at(-1), 429);
});

test("a team's requests count together, whatever opens them; strangers count by address; health is not counted", async () => {
  await using narrow = await startTestControlPlane({ ROOST_API_RATE_PER_SEC: "1" });
  const { session, key } = narrow.admin;
  const asked = Array.from({ length: 30 }, (_, n) => narrow.api.get("/v1/sandboxes", n % 2 ? { key } : { session }));
  const refused = (await Promise.all(asked)).filter(({ status }) => status === 429);
  assert.ok(refused.length >= 10, String(refused.length));
  assert.ok(refused.every(({ headers }) => Number(headers.get("retry-after")) >= 1));
  const other = await narrow.newMember();
  assert.equal((await narrow.api.get("/v1/sandboxes", { key: other.key })).status, 200);
  const health = await Promise.all(Array.from({ length: 30 }, () => narrow.api.get("/healthz")));
  assert.ok(health.every(({ status }) => status === 200));
  const json = { refresh_token: "rstr_x" };
  const strangers = await Promise.all(
    Array.from({ length: 30 }, () => narrow.api.post("/v1/hosts/auth/refresh", { json })),
  );
  assert.ok(strangers.some(({ status }) => status === 429));
});

test("an IPv6 network of one subscriber's counts as one address", () => {
  assert.equal(addressKey("192.0.2.1"), "192.0.2.1");
  assert.equal(addressKey("::ffff:192.0.2.1"), "192.0.2.1");
  assert.equal(addressKey("2001:db8:1:2:3:4:5:6"), addressKey("2001:0db8:1:2::1"));
  assert.notEqual(addressKey("2001:db8:1:2::1"), addressKey("2001:db8:1:3::1"));
  assert.equal(addressKey("fe80::1%eth0"), addressKey("fe80::2"));
  assert.equal(addressKey("::1"), "0:0:0:0::/64");
});
