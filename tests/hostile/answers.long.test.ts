/**
 * N4: the guest agent is a stranger. In real microVMs a program of the tests has its place and answers everything that the host asks,
 * `/health` and `/init` before all, as somebody would who means harm; see native/hostile-guest for what it can do.
 */
import assert from "node:assert/strict";
import { after, before, describe, type TestContext, test } from "node:test";
import type { RoostErrorCode, Sandbox } from "@roost/sdk";
import { machineState } from "../machine-state/machine-state.ts";
import { type HostileRoost, OUTPUT_LIMIT_BYTES, startHostileRoost } from "./hostile-roost.ts";
import { logLines, UNPRINTABLE } from "./log-lines.ts";
import { refused } from "./refused.ts";

type Refusal = readonly [kind: string, says: RegExp, code?: RoostErrorCode];

/** Wrong as HTTP, to whatever was asked. */
const NO_ANSWERS: readonly Refusal[] = [
  ["no-http", /not HTTP/],
  ["endless-headers", /its headers are too large/],
  ["endless-news", /an answer before its answer/],
  ["odd-length", /not HTTP/],
  ["two-lengths", /cut short/],
  ["length-and-chunks", /cut short/],
];

const BAD_COMMANDS: readonly Refusal[] = [
  ...NO_ANSWERS,
  ["odd-type", /failed: unsupported content type application\/.*\\u\{9b\}31m/],
  ["odd-status", /failed: HTTP 999/],
  ["forged-words", /failed: HTTP 500/],
  ["forged-headers", /failed: HTTP 500/],
  ["vast-envelope", /a message of 4294967295 bytes/],
  ["garbage", /not of the protocol/],
  ["packed-envelope", /not of the protocol/],
  ["deep-end", /not of the protocol/],
  ["cut", /its stream was cut/],
  ["cut-envelope", /its stream was cut/],
  ["forged-end", /failed: \\u\{1b\}\]0;owned/],
  ["forged-refusal", /refused the command: \\u\{1b\}\]0;owned/, "invalid_request"],
];

/** Of commands that never end: each is over when its time is, whatever the guest does about it. */
const ENDLESS_COMMANDS = [
  ...["silence", "drip", "drip-headers", "dripped-envelope", "no-end", "endless-kill"],
  ...["endless-starts", "endless-keepalives", "empty-envelopes", "bytewise-output", "endless-output", "large-output"],
];

const BAD_FILES: readonly Refusal[] = [
  ...NO_ANSWERS,
  ["short-body", /cut short/],
  ["bad-chunks", /not HTTP/],
  ["packed", /compressed a file unasked/],
  ["odd-status", /failed: HTTP status 999/],
  ["forged-words", /failed: \\u\{1b\}\]0;owned/],
  ["forged-headers", /failed: HTTP status 500/],
  ["long-words", /failed: \\u\{1b\}\[2J.*…$/],
  ["endless-body", /at most \d+ bytes/, "payload_too_large"],
  ["vast-length", /at most \d+ bytes/, "payload_too_large"],
];

const BAD_UPLOADS: readonly Refusal[] = [
  ["no-http", /not HTTP/],
  ["endless-headers", /its headers are too large/],
  ["endless-news", /an answer before its answer/],
  ["early-answer", /confirmed a file before it had all of it|closed the connection/],
  ["short-body", /cut short/],
  ["forged-words", /failed: \\u\{1b\}\]0;owned/],
  ["endless-body", /more than 65536 bytes/],
];

/** By how much, in MB, a server's memory may rise in all this: garbage that waits to be collected, and no more. */
const HIGHEST_RISE_MB = 192;

/** Of a neighbour, in the eight seconds in which everything floods the agent: it waits its turn, and gets it. */
const FEWEST_ANSWERS = 10;

describe("a hostile guest agent (N4)", () => {
  let hostile: HostileRoost;
  let sandbox: Sandbox;
  let neighbour: Sandbox;
  const exec = (kind: string): ReturnType<Sandbox["exec"]> => sandbox.exec(`hostile-${kind}`, [], { timeoutSec: 3 });

  before(async () => {
    hostile = await startHostileRoost();
  });

  after(async () => {
    await hostile?.[Symbol.asyncDispose]();
  });

  /** Runs `work` and tells what it cost the servers. */
  async function withinMemory(t: TestContext, work: () => Promise<unknown>): Promise<void> {
    const memory = await hostile.measure();
    await work();
    const { agent, controlPlane } = await memory.rise();
    t.diagnostic(`memory rose by ${agent} MB in the host agent, by ${controlPlane} MB in the control plane`);
    assert(agent <= HIGHEST_RISE_MB, `the host agent's memory rose by ${agent} MB`);
    assert(controlPlane <= HIGHEST_RISE_MB, `the control plane's memory rose by ${controlPlane} MB`);
  }

  const create = (kind?: string): Promise<Sandbox> =>
    hostile.roost.sandboxes.create({
      memoryMb: 128,
      ...(kind === undefined ? {} : { env: { KIND: `hostile-${kind}` } }),
    });

  test("at boot: bad answers to /health are outlasted, bad ones to /init are refused, and leave nothing", async (t) => {
    await withinMemory(t, async () => {
      const refusals = Promise.allSettled([
        refused(create("forged-words"), "host_failed", /failed: \\u\{1b\}\]0;owned/),
        refused(create("endless-body"), "host_failed", /more than 65536 bytes/),
        refused(create(hostile.redirect), "host_failed", /status 307 to \/init/),
      ]);
      [sandbox, neighbour] = await Promise.all([create(), create()]);
      for (const outcome of await refusals) if (outcome.status === "rejected") throw outcome.reason;
    });
    assert.deepEqual([sandbox.status, (await exec("")).stdout], ["running", "fine\n"]);
    const { instance } = hostile;
    const scope = { mark: instance.mark, folders: [instance.runFolder, instance.dataFolder] };
    const ids = (await machineState(scope)).map((line) => /sb-[a-z0-9]+/.exec(line)?.[0]);
    assert.deepEqual(new Set(ids.filter((id) => id !== undefined)), new Set([sandbox.id, neighbour.id]));
  });

  test("a command: what is no answer is an error that says so, in one printable line", async (t) => {
    await withinMemory(t, async () => {
      for (const [kind, says, code = "host_failed"] of BAD_COMMANDS)
        await t.test(kind, () => refused(exec(kind), code, says));
      await t.test("redirect", () => refused(exec(hostile.redirect), "host_failed", /failed: HTTP 307/));
    });
    const odd = await exec("odd-exit");
    assert.equal(odd.exitCode, 255);
  });

  test("a file: what is no answer is an error that says so, and never a short or a swollen file", async (t) => {
    const read = (kind: string): Promise<unknown> => sandbox.files.read(`/hostile-${kind}`);
    await withinMemory(t, async () => {
      for (const [kind, says, code = "host_failed"] of BAD_FILES)
        await t.test(kind, () => refused(read(kind), code, says));
      await t.test("redirect", () => refused(read(hostile.redirect), "host_failed", /status 307/));
    });
    assert.equal(await sandbox.files.readText("/fine"), "fine\n");
  });

  test("an upload: only a guest that has had all of it has it", async (t) => {
    const write = (kind: string): Promise<unknown> => sandbox.files.write(`/hostile-${kind}`, "x".repeat(3_000_000));
    await withinMemory(t, async () => {
      for (const [kind, says, code = "host_failed"] of BAD_UPLOADS)
        await t.test(kind, () => refused(write(kind), code, says));
      await t.test("redirect", () => refused(write(hostile.redirect), "host_failed", /status 307/));
    });
    await sandbox.files.write("/fine", "x".repeat(3_000_000));
  });

  test("what never ends is ended in its time, all of it at once, and the neighbour is served meanwhile", async (t) => {
    await withinMemory(t, async () => {
      const over = new AbortController();
      const endless = ENDLESS_COMMANDS.map(async (kind) => {
        const { timedOut, exitCode, stdoutBytes } = await exec(kind);
        assert.deepEqual([timedOut, exitCode], [true, null], kind);
        assert(stdoutBytes.length <= OUTPUT_LIMIT_BYTES, `${kind}: ${stdoutBytes.length} bytes`);
      });
      const [{ answers, slowestMs }] = await Promise.all([
        serve(neighbour, over.signal),
        Promise.all(endless).finally(() => over.abort()),
      ]);
      t.diagnostic(`meanwhile its neighbour ran ${answers} commands, of which the slowest took ${slowestMs} ms`);
      assert(answers >= FEWEST_ANSWERS, `the neighbour was served ${answers} times`);
    });
  });

  test("no redirect was followed", () => assert.equal(hostile.followed(), 0));

  test("the console shows what a guest printed there, without its control characters", async () => {
    const { console } = await sandbox.logs();
    assert.match(console, /owned/);
    assert.doesNotMatch(console, /(?![\n\t])\p{Cc}/u);
  });

  test("the guest's words reached the logs of agent, control plane and launcher, none of them raw", async () => {
    const lines = await logLines(hostile.instance.home);
    for (const file of ["host-agent.log", "control-plane.log", "launcher.log"]) {
      assert(
        lines.some((line) => line.file === file && line.text.includes("u{1b}]0;owned")),
        file,
      );
    }
    assert.deepEqual(
      lines.filter(({ text }) => UNPRINTABLE.test(text)),
      [],
    );
  });

  test("it can be destroyed in the middle of all that, nothing of it is left, and no server has died of it", async () => {
    const { instance } = hostile;
    const hanging = Promise.allSettled(
      ["no-end", "endless-output", "silence"].map((kind) => sandbox.exec(`hostile-${kind}`)),
    );
    await sandbox.destroy();
    await neighbour.destroy();
    await hanging;
    const scope = { mark: instance.mark, folders: [instance.runFolder, instance.dataFolder] };
    assert.deepEqual(
      (await machineState(scope)).filter((line) => line.includes("sb-")),
      [],
    );
    const lives = (await logLines(instance.home)).filter(({ text }) => text.includes("started as process"));
    assert.equal(lives.length, 3, lives.map(({ text }) => text).join("\n"));
  });
});

/** Runs commands one after the other until told to stop; each must work. */
async function serve(sandbox: Sandbox, stop: AbortSignal): Promise<{ answers: number; slowestMs: number }> {
  let [answers, slowestMs] = [0, 0];
  while (!stop.aborted) {
    const start = performance.now();
    assert.equal((await sandbox.exec("true", [], { timeoutSec: 120 })).stdout, "fine\n");
    answers++;
    slowestMs = Math.max(slowestMs, Math.round(performance.now() - start));
  }
  return { answers, slowestMs };
}
