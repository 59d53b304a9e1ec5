import assert from "node:assert/strict";
import { test } from "node:test";
import { resolveSettings, type SettingSources } from "./client-settings.ts";

const checkout = {
  path: "/checkout/credentials.json",
  readable: true,
  url: "http://checkout:4700",
  apiKey: "rst_checkout",
  admin: { email: "admin@checkout", password: "secret" },
};
const user = {
  path: "/home/config.json",
  readable: true,
  url: "http://user:4700",
  token: "user.token",
  email: "me@user",
};
const all: SettingSources = {
  flags: { url: "http://flag:4700", apiKey: "rst_flag" },
  env: { ROOST_URL: "http://env:4700", ROOST_API_KEY: "rst_env" },
  checkout,
  user,
};
const nothing: SettingSources = { flags: {}, env: {}, checkout: undefined, user: undefined };

test("the first that has a value gives it: flags, environment, checkout, user, default", () => {
  const urlAndKey = (sources: SettingSources): (string | undefined)[] => {
    const { url, apiKey } = resolveSettings(sources);
    return [url.value, url.source, apiKey?.value, apiKey?.source];
  };
  assert.deepEqual(urlAndKey(all), ["http://flag:4700", "--url", "rst_flag", "--api-key"]);
  assert.deepEqual(urlAndKey({ ...all, flags: {} }), ["http://env:4700", "ROOST_URL", "rst_env", "ROOST_API_KEY"]);
  const files = { ...all, flags: {}, env: { ROOST_URL: "" } };
  assert.deepEqual(urlAndKey(files), ["http://checkout:4700", checkout.path, "rst_checkout", checkout.path]);
  assert.deepEqual(urlAndKey({ ...files, checkout: undefined }), ["http://user:4700", user.path, undefined, undefined]);
  assert.deepEqual(urlAndKey(nothing), ["http://127.0.0.1:4700", "default", undefined, undefined]);
});

test("A3: a secret from a file goes to no other server than the one it was stored with", () => {
  const elsewhere = resolveSettings({ ...all, flags: {}, env: { ROOST_URL: "http://elsewhere" } });
  assert.equal(elsewhere.apiKey, undefined);
  assert.equal(elsewhere.session, undefined);
  const same = resolveSettings({ ...all, flags: { url: "http://checkout:4700/" }, env: {} });
  assert.equal(same.apiKey?.value, "rst_checkout");
  const otherPort = resolveSettings({ ...all, flags: { url: "http://checkout:4701" }, env: {} });
  assert.equal(otherPort.apiKey, undefined);
});

test("a login of the user's own comes before the checkout's administrator", () => {
  const mine = { ...user, url: checkout.url };
  const { session, apiKey } = resolveSettings({ ...nothing, checkout, user: mine });
  assert.deepEqual(session, { value: { kind: "token", token: "user.token", email: "me@user" }, source: user.path });
  assert.equal(apiKey?.source, checkout.path);
  const admin = resolveSettings({ ...nothing, checkout }).session;
  assert.deepEqual(admin?.value, { kind: "password", email: "admin@checkout", password: "secret" });
});

test("a file that this user may not read is told of", () => {
  const locked = { path: checkout.path, readable: false };
  assert.deepEqual(resolveSettings({ ...nothing, checkout: locked }).unreadable, [checkout.path]);
});
