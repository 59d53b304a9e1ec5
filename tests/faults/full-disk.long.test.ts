/**
 * The disk of the host is full while a sandbox is paused, resumed and copied: it runs on, or stays paused, with everything, and once there is
 * room again all of it works. How much room is left grows from nothing until it is enough, so that there is not enough of it at one step
 * after the other.
 */
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  createSandbox,
  destroySandbox,
  freezeSandbox,
  type Parts,
  type RunningSandbox,
  resumeSandbox,
} from "@roost/host-agent/testing";
import { readSettings } from "@roost/launcher/settings";
import { RoostError } from "@roost/protocol/errors";
import { machineState } from "../machine-state/machine-state.ts";
import { until } from "../stories/until.ts";
import { type FaultsGround, openFaultsGround, smallSpec } from "./faults-ground.ts";
import { sh, startPython } from "./guest-shell.ts";
import { makeSmallDisk, type SmallDisk } from "./small-disk.ts";
import { WatchedSteps } from "./watched-steps.ts";

const NEVER = new AbortController().signal;
const KB = 1024;
const MB = 1024 * KB;
const DISK_MB = 4096;
/** Below this, no sandbox is begun or resumed at all. */
const ADMITTED = 1200 * MB;

/** Counts, without writing on its disk. */
const COUNTING = `
import os, time
n = 0
while True:
    n += 1
    with open("/dev/shm/new", "w") as f: f.write(str(n))
    os.rename("/dev/shm/new", "/dev/shm/count")
    open("/tmp/ready", "a").close()
    time.sleep(0.05)
`;

describe("when the host's disk is full", () => {
  let disk: SmallDisk;
  let ground: FaultsGround;
  let parts: Parts;
  let running: RunningSandbox;
  const stack = new AsyncDisposableStack();
  const { id, ...rest } = smallSpec();

  before(async () => {
    const parent = join(readSettings(process.env).checkout, ".roost", "tests");
    await mkdir(parent, { recursive: true, mode: 0o700 });
    disk = stack.use(await makeSmallDisk(parent, DISK_MB));
    ground = stack.use(await openFaultsGround({ dataFolder: disk.folder }));
    parts = ground.parts;
    running = await createSandbox(parts, { id, ...rest }, new Date(), NEVER);
    stack.defer(() => destroySandbox(parts, id, running));
    await startPython(running, COUNTING);
    await sh(running, "sync");
  });

  after(() => stack.disposeAsync());

  const count = async (): Promise<number> => Number(await sh(running, "cat /dev/shm/count"));
  const goesOn = async (since: number): Promise<void> =>
    void (await until("it counts on", async () => ((await count()) > since ? true : undefined)));
  const files = async (): Promise<string[]> =>
    (await machineState(ground.scope)).filter((line) =>
      /\/(generations\/|save\/|frozen-layer|disk\.qcow2|disk\.aside)/.test(line),
    );

  /** Tries with ever more room until it works. @returns how often it did not */
  async function untilThereIsRoom(
    attempt: (room: number) => Promise<void>,
    afterFailure: () => Promise<void>,
  ): Promise<number> {
    for (let room = 0, failures = 0; ; room = room === 0 ? 4 * KB : room * 4, failures++) {
      const failed: unknown = await attempt(room).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (failed === undefined) return failures;
      assert(failed instanceof RoostError && failed.code === "disk_full", String(failed));
      await afterFailure();
    }
  }

  test("a pause that finds no room leaves it running, and nothing of itself (S1)", async () => {
    const reached = await count();
    const before = await files();
    const failures = await untilThereIsRoom(
      async (room) => {
        await disk.leave(room);
        const { free } = await freezeSandbox(parts, id, running, NEVER);
        await free();
      },
      async () => {
        await goesOn(reached);
        assert.deepEqual(await files(), before);
      },
    );
    assert(failures >= 3, `only ${failures} did not fit`);
    await disk.leave(ADMITTED);
    running = await resumeSandbox(parts, id, "memory", NEVER);
    await goesOn(reached);
  });

  test("a resume that finds no room leaves it paused, and the next one works (S2, S10)", async () => {
    await disk.leave(ADMITTED);
    const reached = await count();
    const { free } = await freezeSandbox(parts, id, running, NEVER);
    await free();
    const atRest = await files();
    const failures = await untilThereIsRoom(
      async (room) => {
        await disk.leave(ADMITTED);
        // It was admitted; then others took the room.
        const steps = new WatchedSteps((name) => (name === "admission" ? disk.leave(room) : undefined));
        running = await resumeSandbox({ ...parts, steps: () => steps }, id, "memory", NEVER);
      },
      async () => assert.deepEqual(await files(), atRest),
    );
    assert(failures >= 1);
    await disk.leave(ADMITTED);
    await goesOn(reached);
  });

  test("a guest that writes waits for room, and has lost nothing", async () => {
    await disk.leave(0);
    const writing = sh(
      running,
      "head -c 40000000 /dev/zero | tr '\\\\0' x > /root/big; sync; wc -c < /root/big; rm /root/big",
    );
    await until("it stands still", async () => {
      const probe = sh(running, "true").then(() => true);
      const silence = new Promise<false>((resolve) => setTimeout(resolve, 3_000, false));
      return (await Promise.race([probe, silence])) ? undefined : true;
    });
    await disk.leave(ADMITTED);
    assert.equal(await writing, "40000000\n");
  });

  test("it is destroyed all the same", async () => {
    await disk.leave(0);
    await destroySandbox(parts, id, running);
    assert.deepEqual(
      (await machineState(ground.scope)).filter((line) => line.includes(id)),
      [],
    );
  });
});
