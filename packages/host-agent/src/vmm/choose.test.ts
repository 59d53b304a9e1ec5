import assert from "node:assert/strict";
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pino } from "pino";
import { chooseVmm, type VmmChoice } from "./choose.ts";
import type { Vmm } from "./vmm.ts";

const logger = pino({ level: "silent" });
const never = new AbortController().signal;

/** Only what the choice looks at; whether a candidate boots is the test's word. */
function candidate(accelerator: "kvm" | "tcg"): Vmm {
  const unused = (): never => assert.fail("the choice starts machines by its attempt only");
  const description = { name: "qemu", version: "7.2.0", accelerator } as const;
  const fingerprint = { ...description, machine: "", cpu: "", tscKhz: null };
  const facts = { description, fingerprint, kernelVersion: "", overheadMb: 1 };
  return {
    ...facts,
    bootIdentity: unused,
    cannotWake: unused,
    start: unused,
    adopt: unused,
    stop: unused,
    readEnd: unused,
  };
}

async function circumstances() {
  const folder = await mkdtempDisposable(join(tmpdir(), "roost-choose-"));
  const tried: string[] = [];
  const choice = (boots: readonly string[], about = "kernel 1, cpu 1"): VmmChoice => ({
    candidates: [candidate("kvm"), candidate("tcg")],
    attempt: async ({ description: { accelerator } }) => {
      tried.push(accelerator);
      if (!boots.includes(accelerator)) throw new Error(`no guest with ${accelerator}`);
    },
    file: join(folder.path, "deep", "choice.json"),
    circumstances: about,
    logger,
  });
  return { tried, choice, [Symbol.asyncDispose]: () => folder.remove() };
}

test("the first candidate that boots a guest is chosen (U5)", async () => {
  await using host = await circumstances();
  const vmm = await chooseVmm(host.choice(["kvm", "tcg"]), never);
  assert.equal(vmm.description.accelerator, "kvm");
  assert.deepEqual(host.tried, ["kvm"]);
});

test("a /dev/kvm that cannot run a guest leads to TCG (U5)", async () => {
  await using host = await circumstances();
  const vmm = await chooseVmm(host.choice(["tcg"]), never);
  assert.equal(vmm.description.accelerator, "tcg");
  assert.deepEqual(host.tried, ["kvm", "tcg"]);
});

test("what was found out is kept, until the kernel or the CPU is another", async () => {
  await using host = await circumstances();
  await chooseVmm(host.choice(["tcg"]), never);
  host.tried.length = 0;
  const again = await chooseVmm(host.choice(["tcg"]), never);
  assert.equal(again.description.accelerator, "tcg");
  assert.deepEqual(host.tried, []);
  const elsewhere = await chooseVmm(host.choice(["kvm"], "kernel 2, cpu 1"), never);
  assert.equal(elsewhere.description.accelerator, "kvm");
});

test("a machine that can boot nothing is told why, candidate by candidate, and nothing is kept", async () => {
  await using host = await circumstances();
  const refused = chooseVmm(host.choice([]), never);
  await assert.rejects(refused, /cannot boot a guest.*KVM: no guest with kvm.*TCG: no guest with tcg/);
  assert.equal((await chooseVmm(host.choice(["tcg"]), never)).description.accelerator, "tcg");
});

/** Attempts that end when the test says so, or when nobody wants them any more. */
function openEnded(patienceMs: number, base: VmmChoice) {
  const started = { kvm: Promise.withResolvers<void>(), tcg: Promise.withResolvers<void>() };
  const boots = { kvm: Promise.withResolvers<void>(), tcg: Promise.withResolvers<void>() };
  const unwanted: string[] = [];
  const attempt: VmmChoice["attempt"] = async ({ description: { accelerator } }, signal) => {
    started[accelerator].resolve();
    signal.addEventListener("abort", () => {
      unwanted.push(accelerator);
      boots[accelerator].reject(signal.reason);
    });
    await boots[accelerator].promise;
  };
  return { choice: { ...base, attempt, patienceMs }, started, boots, unwanted };
}

test("a /dev/kvm on which a guest hangs leads to TCG, and its trial is ended (U5)", async () => {
  await using host = await circumstances();
  const { choice, started, boots, unwanted } = openEnded(1, host.choice([]));
  const chosen = chooseVmm(choice, never);
  await started.tcg.promise;
  boots.tcg.resolve();
  assert.equal((await chosen).description.accelerator, "tcg");
  assert.deepEqual(unwanted, ["kvm", "tcg"]);
});

test("a slow KVM is still chosen when it boots first", async () => {
  await using host = await circumstances();
  const { choice, started, boots } = openEnded(1, host.choice([]));
  const chosen = chooseVmm(choice, never);
  await started.tcg.promise;
  boots.kvm.resolve();
  assert.equal((await chosen).description.accelerator, "kvm");
  assert.equal((await chooseVmm(host.choice([]), never)).description.accelerator, "kvm", "and kept");
});

test("trials that nobody waits for any more are ended, and nothing is kept", async () => {
  await using host = await circumstances();
  const { choice, started } = openEnded(1, host.choice([]));
  const stop = new AbortController();
  const chosen = chooseVmm(choice, stop.signal);
  await started.tcg.promise;
  stop.abort(new Error("stopped"));
  await assert.rejects(chosen, /stopped/);
  assert.equal((await chooseVmm(host.choice(["tcg"]), never)).description.accelerator, "tcg");
});
