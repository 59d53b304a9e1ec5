import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { test } from "node:test";
import { Service, type ServiceEvent, type ServiceSpec } from "./service.ts";

/** A process that runs this script; ready when it has printed a line. */
function scripted(script: string): Omit<ServiceSpec, "stopPatienceMs"> {
  let child: ChildProcess | undefined;
  return {
    name: "example",
    stopSignal: "SIGTERM",
    async start() {
      child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "pipe"] });
      return child;
    },
    ready: (signal) =>
      new Promise((resolve, reject) => {
        child?.stdout?.once("data", () => resolve());
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      }),
  };
}

function watched(spec: ServiceSpec): {
  service: Service;
  seen: ServiceEvent[];
  next: (kind: string) => Promise<ServiceEvent>;
} {
  const seen: ServiceEvent[] = [];
  const waiting: { kind: string; resolve: (event: ServiceEvent) => void }[] = [];
  const service = new Service(spec, {
    onEvent(event) {
      seen.push(event);
      for (const waiter of waiting.splice(0)) {
        if (waiter.kind === event.kind) waiter.resolve(event);
        else waiting.push(waiter);
      }
    },
    backOff: { next: () => 0 },
    now: () => 0,
  });
  return { service, seen, next: (kind) => new Promise((resolve) => waiting.push({ kind, resolve })) };
}

const ENDLESS = 'console.log("ready"); setInterval(() => {}, 1000)';

test("a process that is killed is started again", async () => {
  const { service, next } = watched({ ...scripted(ENDLESS), stopPatienceMs: 60_000 });
  await using _ = service;
  await service.firstReady;
  const first = service.pid;
  const again = next("ready");
  service.kill("SIGKILL");
  await again;
  assert.ok(service.pid !== undefined && service.pid !== first);
});

test("stop asks, and waits until the process is gone", async () => {
  const { service, seen } = watched({ ...scripted(ENDLESS), stopPatienceMs: 60_000 });
  await service.firstReady;
  const pid = service.pid ?? 0;
  await service.stop();
  assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
  assert.deepEqual(seen.slice(-2), [{ kind: "stopping" }, { kind: "stopped" }]);
});

test("what does not end when asked is killed", async () => {
  const deaf = `process.on("SIGTERM", () => {}); ${ENDLESS}`;
  const { service, seen } = watched({ ...scripted(deaf), stopPatienceMs: 100 });
  await service.firstReady;
  await service.stop();
  assert.deepEqual(seen.slice(-2), [{ kind: "killed", patienceMs: 100 }, { kind: "stopped" }]);
});

test("what dies thrice before it was ever ready is given up, with its last words", async () => {
  const { service } = watched({
    ...scripted('console.error("PORT is taken"); process.exit(3)'),
    stopPatienceMs: 60_000,
  });
  await using _ = service;
  await assert.rejects(
    service.firstReady,
    /did not become ready: it ended with status 3; it said last:\n {4}PORT is taken/,
  );
});

test("a stop between two lives ends the waiting", async () => {
  const { service, next } = watched({ ...scripted("process.exit(1)"), stopPatienceMs: 60_000 });
  await next("ended");
  await service.stop();
  await assert.rejects(service.firstReady, /was stopped|did not become ready/);
  assert.equal(service.pid, undefined);
});

test("a program that is not there is told, not thrown", async () => {
  const start = async () => spawn("/nowhere/at-all", [], { stdio: ["ignore", "pipe", "pipe"] });
  const { service } = watched({ ...scripted(""), start, stopPatienceMs: 60_000 });
  await using _ = service;
  await assert.rejects(service.firstReady, /could not be started: .*ENOENT/);
});
