/**
 * N4: what a hostile guest agent can do with time. Every wait for it ends at its documented limit (half a minute to two), and in a minute
 * of floods nothing grows. Long, because it waits for those limits.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type ExecResult, RoostApiError, type Sandbox } from "@roost/sdk";
import { FILE_LIMIT_BYTES, type HostileRoost, OUTPUT_LIMIT_BYTES, startHostileRoost } from "./hostile-roost.ts";
import { refused } from "./refused.ts";

const FLOOD_SEC = 60;
/** As in the short tests: that it does not depend on for how long is what this one shows. */
const HIGHEST_RISE_MB = 192;
/** More than the sockets on the way take in. */
const UPLOAD_BYTES = FILE_LIMIT_BYTES - 1024;

describe("a hostile guest agent that takes its time (N4)", () => {
  let hostile: HostileRoost;
  let sandbox: Sandbox;

  before(async () => {
    hostile = await startHostileRoost();
    sandbox = await hostile.roost.sandboxes.create({ memoryMb: 128 });
  });

  after(async () => {
    await hostile?.[Symbol.asyncDispose]();
  });

  const create = (kind: string): Promise<Sandbox> =>
    hostile.roost.sandboxes.create({ memoryMb: 128, env: { KIND: `hostile-${kind}` } });
  const read = (kind: string): Promise<unknown> => sandbox.files.read(`/hostile-${kind}`);
  const write = (kind: string): Promise<unknown> =>
    sandbox.files.write(`/hostile-${kind}`, new Uint8Array(UPLOAD_BYTES));

  test("every wait ends by itself, and says for what it was", { concurrency: true }, async (t) => {
    const waits: readonly [what: string, call: () => Promise<unknown>, says: RegExp][] = [
      ["/init that is not answered", () => create("silence"), /did not answer in time/],
      ["/init that is answered a byte a second", () => create("drip"), /did not answer in time/],
      ["/init that is no HTTP", () => create("no-http"), /not HTTP/],
      ["/init with an answer before its answer", () => create("endless-news"), /an answer before its answer/],
      ["a read that is not answered", () => read("silence"), /did not answer in time/],
      ["a read with endless headers, a byte a second", () => read("drip-headers"), /did not answer in time/],
      ["a write that is not taken", () => write("takes-nothing"), /takes no more of the file/],
      ["a write that is taken and not answered", () => write("silence"), /did not answer in time/],
    ];
    const calls = waits.map(([what, call, says]) => t.test(what, () => refused(call(), "host_failed", says)));
    await Promise.all(calls);
  });

  test("a file that drips ends with its caller, or with its sandbox", async () => {
    const left = assert.rejects(read("drip"), RoostApiError);
    const patience = AbortSignal.timeout(5_000);
    await assert.rejects(sandbox.files.read("/hostile-drip", { signal: patience }), { name: "TimeoutError" });
    await sandbox.destroy();
    await left;
    sandbox = await hostile.roost.sandboxes.create({ memoryMb: 128 });
    assert.equal((await sandbox.exec("true")).stdout, "fine\n");
  });

  test(`${FLOOD_SEC} s of floods cost no more memory than eight seconds`, async (t) => {
    const memory = await hostile.measure();
    const exec = (kind: string): Promise<ExecResult> => sandbox.exec(`hostile-${kind}`, [], { timeoutSec: FLOOD_SEC });
    const [endless, large, ...tiny] = await Promise.all([
      ...["endless-output", "large-output", "bytewise-output", "endless-starts", "endless-keepalives"].map(exec),
      assert.rejects(
        sandbox.files.read("/hostile-bytewise-body", { signal: AbortSignal.timeout(FLOOD_SEC * 1000) }),
        (error) => error instanceof RoostApiError || (error instanceof Error && error.name === "TimeoutError"),
      ),
    ]);
    for (const result of [endless, large]) {
      assert.deepEqual([result?.timedOut, result?.truncated], [true, true]);
      assert.equal(result?.stdoutBytes.length, OUTPUT_LIMIT_BYTES);
    }
    for (const result of tiny) assert.notEqual(result?.timedOut, false);
    const { agent, controlPlane } = await memory.rise();
    t.diagnostic(`memory rose by ${agent} MB in the host agent, by ${controlPlane} MB in the control plane`);
    assert(agent <= HIGHEST_RISE_MB, `the host agent's memory rose by ${agent} MB`);
    assert(controlPlane <= HIGHEST_RISE_MB, `the control plane's memory rose by ${controlPlane} MB`);
  });
});
