import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startTestControlPlane } from "../testing/control-plane.ts";

const plane = await startTestControlPlane({
  ROOST_CORS_ORIGINS: "https://console.example.com, http://localhost:5173",
  ROOST_TRUSTED_PROXIES: "127.0.0.0/8",
});
const plain = await startTestControlPlane();
after(async () => {
  await plane[Symbol.asyncDispose]();
  await plain[Symbol.asyncDispose]();
});

const preflight = (url: string, origin: string) =>
  fetch(`${url}/v1/sandboxes`, {
    method: "OPTIONS",
    headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "x-api-key" },
  });

test("every answer tells browsers that it is data: errors and files of the page included", async () => {
  for (const path of ["/healthz", "/v1/sandboxes", "/nothing", "/openapi.json"]) {
    const { headers } = await fetch(plain.api.url + path);
    assert.equal(headers.get("x-content-type-options"), "nosniff", path);
    assert.equal(headers.get("content-security-policy"), "default-src 'none';frame-ancestors 'none'", path);
    assert.equal(headers.get("referrer-policy"), "no-referrer", path);
    assert.equal(headers.get("cross-origin-resource-policy"), "same-origin", path);
    assert.equal(headers.get("x-powered-by"), null);
  }
});

test("scripts of the pages that a setting names may ask; others, and without the setting all, may not", async () => {
  for (const origin of ["https://console.example.com", "http://localhost:5173"]) {
    const answer = await preflight(plane.api.url, origin);
    assert.equal(answer.status, 204);
    assert.equal(answer.headers.get("access-control-allow-origin"), origin);
    assert.match(answer.headers.get("access-control-allow-headers") ?? "", /X-API-Key/);
    assert.equal(answer.headers.get("access-control-allow-credentials"), null);
    const { headers } = await fetch(`${plane.api.url}/v1/sandboxes`, { headers: { origin } });
    assert.equal(headers.get("access-control-allow-origin"), origin);
    assert.match(headers.get("access-control-expose-headers") ?? "", /request_id/);
  }
  const other = await preflight(plane.api.url, "https://evil.example.com");
  assert.equal(other.headers.get("access-control-allow-origin"), null);
  const closed = await preflight(plain.api.url, "https://console.example.com");
  assert.equal(closed.headers.get("access-control-allow-origin"), null);
  assert.equal(closed.status, 404);
});

test("A6: /docs is a page that has all it needs from this server, and lets nothing else in", async () => {
  const page = await fetch(`${plain.api.url}/docs/`);
  assert.equal(page.status, 200);
  const html = await page.text();
  assert.match(html, /swagger-ui/);
  const policy = page.headers.get("content-security-policy") ?? "";
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /https?:/);
  assert.doesNotMatch(html, /(src|href)="(https?:)?\/\//);
  assert.doesNotMatch(html, /<script>|style="/, "nothing that the policy forbids");
  const files = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => new URL(file ?? "", page.url));
  assert.ok(files.length >= 4, html);
  for (const file of files) assert.equal((await fetch(file)).status, 200, file.href);
  const initializer = files.find(({ pathname }) => pathname.endsWith("swagger-initializer.js"));
  assert.match(await (await fetch(initializer ?? assert.fail())).text(), /"\/openapi\.json"/);
});

test("the client's address is what a trusted proxy says, and what nobody else says", async () => {
  for (const [{ api, admin }, address] of [
    [plane, "203.0.113.7"],
    [plain, "127.0.0.1"],
  ] as const) {
    const { session, teamId } = admin;
    const headers = { "x-forwarded-for": "203.0.113.7" };
    await api.post("/v1/api-keys", { session, json: { name: "by proxy" }, headers });
    const [newest] = (await api.get(`/v1/teams/${teamId}/audit`, { session })).body;
    assert.equal(newest.address, address);
  }
});
