import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import { TimedSteps } from "../sandboxes/steps.ts";
import { serveMetrics } from "./metrics-server.ts";
import { PhaseMetrics } from "./phase-metrics.ts";

test("every phase of a pause is timed, logged and exported as a metric, also one that fails (D6)", async () => {
  const metrics = new PhaseMetrics();
  await using server = await serveMetrics(metrics.registry, { host: "127.0.0.1", port: 0 });
  const lines: string[] = [];
  const logger = pino({ base: null }, { write: (line: string) => void lines.push(line) });
  {
    using steps = new TimedSteps("pause", logger, metrics.observe);
    await steps.run("prepare", () => {});
    await steps.run("save", () => {});
    await assert.rejects(async () => steps.run("seal", () => Promise.reject(new Error("disk full"))), /disk full/);
  }
  const text = await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text();
  for (const phase of ["prepare", "save", "seal"]) {
    assert.match(text, new RegExp(`^roost_pause_phase_seconds_count\\{phase="${phase}"\\} 1$`, "m"));
  }
  const [line, ...others] = lines.map((text) => JSON.parse(text) as Record<string, unknown>);
  assert.deepEqual(others, []);
  assert.equal(line?.msg, "pause");
  for (const name of ["prepare_ms", "save_ms", "seal_ms", "total_ms"])
    assert.equal(typeof line?.[name], "number", name);
});

test("a port that is taken is told with the setting's name", async () => {
  const { registry } = new PhaseMetrics();
  await using server = await serveMetrics(registry, { host: "127.0.0.1", port: 0 });
  await assert.rejects(serveMetrics(registry, { host: "127.0.0.1", port: server.port }), {
    code: "invalid_request",
    message: /ROOST_AGENT_METRICS_LISTEN/,
  });
});
