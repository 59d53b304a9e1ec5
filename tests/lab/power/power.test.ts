/**
 * The power is cut while sandboxes are made, paused, resumed and destroyed, with an operation standing after each of its steps.
 * Afterwards the database, the host and its kernel agree, nothing acknowledged is lost, and nothing is left. One cut serves many steps:
 * each stops another sandbox. The tests are one story: each goes on with what the one before has left.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Lab } from "@roost/launcher/lab";
import type { LabHost } from "@roost/launcher/lab-host";
import type { Sandbox } from "@roost/sdk";
import { openLab } from "../open-lab.ts";
import { type RoostOnHost, roostOn, roostThere } from "../roost-on.ts";
import { agreementOf, stepsLogged } from "./agreement.ts";
import { planStops, takeHold, untilStopped } from "./planned-stops.ts";

const MEMORY_MB = 128;
/** All of them are tried; what a whole create and destroy have logged says whether these are all. */
const OF_CREATE = [
  ...["image", "admission", "slot", "record", "folder", "source", "disk", "cgroup"],
  ...["machine", "boot", "init", "keep"],
];
const WITH_MACHINE = ["machine", "cgroup", "slot", "admission"];
const OF_DESTROY = ["record", ...WITH_MACHINE, "disk", "folder", "run"];
/** Those that change what a disk keeps; all else of a pause and a resume is forgotten when the power goes. */
const OF_PAUSE = ["save", "disk", "seal"];
const OF_FREEING = ["layer", "generations", "run"];
const OF_RESUME = ["disk", "machine", "init", "keep"];

describe("when the power is cut", () => {
  const stack = new AsyncDisposableStack();
  let lab: Lab;
  let host: LabHost;
  /** Ran at every cut. */
  let kept: string;

  before(async () => {
    lab = stack.use(await openLab());
    host = stack.use(await lab.hostWithRoost());
    await takeHold(host);
  });

  after(() => stack.disposeAsync());

  /** The power is back. */
  async function start(): Promise<RoostOnHost> {
    await host.boot();
    const roost = await roostOn(host);
    await takeHold(host);
    return roost;
  }

  test("creates leave nothing, or an error that can be destroyed; what ran is an error, and boots from its disk, which has all that its guest was told is safe", async () => {
    {
      await using roost = await roostThere(host);
      using waiting = new Unanswered();
      const sandbox = await roost.client.sandboxes.create({ memoryMb: MEMORY_MB });
      kept = sandbox.id;
      assert.deepEqual(await stepsLogged(host, "create"), OF_CREATE);
      await keepSafely(sandbox, "acknowledged");
      await planStops(host, "create", OF_CREATE);
      for (const _ of OF_CREATE) waiting.for((call) => roost.client.sandboxes.create({ memoryMb: MEMORY_MB }, call));
      await untilStopped(host);
      await host.cutPower();
    }
    await using roost = await start();
    const { rows } = await agreementOf(roost.client, host);
    const sandbox = await roost.client.sandboxes.get(kept);
    assert.equal(sandbox.status, "error");
    assert.match(sandbox.error ?? "", /restarted/);
    for (const one of rows) if (one.id !== kept) await one.destroy();
    assert.deepEqual((await agreementOf(roost.client, host)).folders, [kept]);
    await sandbox.resume({ mode: "disk" });
    assert.equal(await safe(sandbox), "acknowledged\n");
  });

  test("pauses and resumes have happened or have not; a pause and a snapshot that were answered are there, and from memory or disk every sandbox goes on", async () => {
    const ids = { asleep: "", pause: [] as string[], freeing: [] as string[], resume: [] as string[] };
    {
      await using roost = await roostThere(host);
      using waiting = new Unanswered();
      const { sandboxes, snapshots } = roost.client;
      await (await sandboxes.get(kept)).exec("sh", ["-c", `setsid ${LIVING} < /dev/null > /dev/null 2>&1 &`]);
      await snapshots.create(kept, { name: "moment", leave: "running" });
      const copies = async (count: number): Promise<Sandbox[]> => {
        const made: Sandbox[] = [];
        for (let n = 0; n < count; n++) made.push(await sandboxes.create({ template: "moment" }));
        return made;
      };
      const [asleep, ...toResume] = await copies(1 + OF_RESUME.length);
      for (const one of [asleep, ...toResume]) await one?.pause();
      const [toPause, toFree] = [await copies(OF_PAUSE.length), await copies(OF_FREEING.length)];
      for (const one of toPause) await keepSafely(one, "before its pause");
      await planStops(host, "resume", OF_RESUME);
      for (const one of toResume) waiting.for((call) => one.resume(call));
      await planStops(host, "pause", OF_PAUSE);
      for (const one of toPause) waiting.for((call) => one.pause(call));
      await untilStopped(host);
      await planStops(host, "free paused", OF_FREEING);
      for (const one of toFree) waiting.for((call) => one.pause(call));
      await untilStopped(host);
      const idsOf = (some: readonly Sandbox[]) => some.map(({ id }) => id);
      Object.assign(ids, {
        asleep: asleep?.id,
        pause: idsOf(toPause),
        freeing: idsOf(toFree),
        resume: idsOf(toResume),
      });
      await host.cutPower();
    }
    await using roost = await start();
    const { rows } = await agreementOf(roost.client, host);
    const found = (some: readonly string[]): Sandbox[] =>
      some.map((id) => rows.find((row) => row.id === id) ?? assert.fail(`${id} is not there`));
    const statuses = (some: readonly string[]) => found(some).map(({ status }) => status);

    assert.deepEqual(statuses([ids.asleep]), ["paused"]);
    assert.deepEqual(statuses(ids.pause), ["error", "error", "paused"], "before its generation is sealed it ran");
    assert.deepEqual(statuses(ids.freeing), ["paused", "paused", "paused"]);
    for (const status of statuses(ids.resume)) assert(["paused", "error"].includes(status), status);

    const [saved, frozen, sealed] = found(ids.pause);
    for (const one of [saved, frozen]) await one?.resume({ mode: "disk" });
    for (const one of [...found([ids.asleep, ...ids.resume]), sealed, found(ids.freeing)[0]]) {
      await one?.resume();
      assert.equal((await one?.exec("pgrep", ["-f", LIVING]))?.exitCode, 0, "its processes go on");
      if (ids.resume.includes(one?.id ?? "")) await one?.destroy();
    }
    for (const one of [saved, frozen, sealed]) assert.equal(one && (await safe(one)), "before its pause\n");
    await using copy = await roost.client.sandboxes.create({ template: "moment" });
    assert.equal((await copy.exec("pgrep", ["-f", LIVING])).exitCode, 0);
    await roost.client.snapshots.delete("moment");
  });

  test("a destroy is completed when the host is back, whatever step it had come to", async () => {
    const ids: string[] = [];
    {
      await using roost = await roostThere(host);
      using waiting = new Unanswered();
      const { rows } = await agreementOf(roost.client, host);
      const running = rows.filter(({ status }) => status === "running");
      const others = rows.filter(({ status }) => status === "paused" || status === "error");
      const steps: [string, Sandbox | undefined][] = OF_DESTROY.map((step) => [
        step,
        (WITH_MACHINE.includes(step) ? running : others).pop() ?? running.pop(),
      ]);
      for (const [step, sandbox] of steps) {
        assert(sandbox, "there are enough of them");
        ids.push(sandbox.id);
        await planStops(host, "destroy", [step]);
        waiting.for((call) => sandbox.destroy(call));
        await untilStopped(host);
      }
      await host.cutPower();
    }
    await using roost = await start();
    await agreementOf(roost.client, host);
    for (const id of ids) assert.equal((await roost.client.sandboxes.get(id)).status, "stopped");
    for (const { status } of (await agreementOf(roost.client, host)).rows) assert.notEqual(status, "running");
    await host.roost("down");
  });
});

/** Calls that the power cut leaves without an answer. */
class Unanswered implements Disposable {
  readonly #ended = new AbortController();

  for(call: (options: { readonly signal: AbortSignal }) => Promise<unknown>): void {
    void call({ signal: this.#ended.signal }).catch(() => {});
  }

  [Symbol.dispose](): void {
    this.#ended.abort();
  }
}

/** A program that does nothing but live. */
const LIVING = "sleep 987654";
const SAFE = "/home/user/safe";

/** Answered: the guest has been told that it is on its disk. */
async function keepSafely(sandbox: Sandbox, words: string): Promise<void> {
  const script = `echo ${words} > ${SAFE} && sync ${SAFE} /home/user`;
  assert.equal((await sandbox.exec("sh", ["-c", script])).exitCode, 0);
}

async function safe(sandbox: Sandbox): Promise<string> {
  return (await sandbox.exec("cat", [SAFE])).stdout;
}
