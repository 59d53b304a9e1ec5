import assert from "node:assert/strict";
import { test } from "node:test";
import { eventText } from "./event-text.ts";
import type { RoostEvent, ServiceName } from "./roost.ts";

function said(service: ServiceName, line: string): RoostEvent {
  return { kind: "service", service, event: { kind: "said", line } };
}

test("of what servers say, warnings and worse are shown, with their cause", () => {
  assert.equal(eventText(said("host-agent", '{"level":30,"msg":"ready"}')), undefined);
  assert.equal(eventText(said("host-agent", '{"level":40,"msg":"slow"}')), "host-agent     warning: slow");
  const failed = '{"level":50,"msg":"heartbeat failed","err":{"message":"connect ECONNREFUSED"}}';
  assert.equal(eventText(said("host-agent", failed)), "host-agent     error: heartbeat failed (connect ECONNREFUSED)");
});

test("what is no JSON line is shown as it is: a crash's last words", () => {
  assert.equal(eventText(said("control-plane", "ROOST_LISTEN must be …")), "control-plane  ROOST_LISTEN must be …");
});

test("PostgreSQL's own levels are told apart", () => {
  assert.equal(eventText(said("postgres", "2026 UTC [1] LOG:  checkpoint complete")), undefined);
  assert.equal(eventText(said("postgres", "2026 UTC [1] FATAL:  the database system is starting up")), undefined);
  assert.match(eventText(said("postgres", "2026 UTC [1] PANIC:  could not write")) ?? "", /PANIC/);
});

test("control characters do not reach the terminal (N4)", () => {
  const line = eventText(said("host-agent", '{"level":50,"msg":"\\u001b[2Jgone"}'));
  assert.equal(line, "host-agent     error:  [2Jgone");
});

test("the lives of a server are told", () => {
  const tell = (event: Extract<RoostEvent, { kind: "service" }>["event"]) =>
    eventText({ kind: "service", service: "postgres", event });
  assert.equal(tell({ kind: "ready", elapsedMs: 1234 }), "postgres       ready after 1.2 s");
  assert.equal(
    tell({ kind: "ended", how: "was ended by SIGKILL", waitMs: 250 }),
    "postgres       was ended by SIGKILL; starting again in 0.3 s",
  );
});
