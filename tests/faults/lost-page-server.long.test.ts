/**
 * The keeper, who brings a guest's memory page by page, is killed while the guest waits for a page. The guest runs not one more
 * instruction: had it gone on with a page that nobody brought, its program would have said so on its console.
 */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  createSandbox,
  destroySandbox,
  freezeSandbox,
  type Parts,
  resumeSandbox,
  Sandboxes,
} from "@roost/host-agent/testing";
import { machineState } from "../machine-state/machine-state.ts";
import { isAlive } from "../stories/is-alive.ts";
import { type KeeperPids, keeperAt } from "../stories/keeper-of.ts";
import { until } from "../stories/until.ts";
import { type FaultsGround, openFaultsGround, smallSpec } from "./faults-ground.ts";
import { type Guest, sh, startPython } from "./guest-shell.ts";
import { WatchedSteps } from "./watched-steps.ts";

const NEVER = new AbortController().signal;
/** What the program writes on its guest's console when its memory is not what it was. */
const COMPLAINT = "THIS IS NOT MY MEMORY";

/** Looks at all of its pages, over and over, in an order that defeats reading ahead; and counts how often it has seen them all. */
const LOOKING = `
size = 48 * 256
pages = bytearray(size * 4096)
for page in range(size): pages[page * 4096 : page * 4096 + 4] = page.to_bytes(4, "little")
order = [page * 4861 % size for page in range(size)]
rounds = 0
while True:
    for page in order:
        if int.from_bytes(pages[page * 4096 : page * 4096 + 4], "little") != page:
            open("/dev/console", "w").write("${COMPLAINT}\\n"); raise SystemExit
    rounds += 1
    with open("/dev/shm/rounds", "w") as f: f.write(str(rounds))
    open("/tmp/ready", "w").close()
`;

describe("a page server that is lost in the middle of a fault", () => {
  let ground: FaultsGround;
  let parts: Parts;
  const spec = smallSpec();

  before(async () => {
    ground = await openFaultsGround({ memory: "paged" });
    parts = ground.parts;
    const running = await createSandbox(parts, spec, new Date(), NEVER);
    await startPython(running, LOOKING);
    const { free } = await freezeSandbox(parts, spec.id, running, NEVER);
    await free();
  });

  after(async () => {
    if (ground) await destroySandbox(parts, spec.id, undefined);
    await ground?.[Symbol.asyncDispose]();
  });

  /** Stops the keeper, waits until a thread of the VMM stands in a fault that nobody serves, and kills the keeper. */
  async function loseIt(): Promise<KeeperPids> {
    const pids = await keeperAt(parts.roots.run, spec.id);
    process.kill(pids.keeper, "SIGSTOP");
    await until("the guest waits for a page", async () => ((await waitsForPage(pids.vmm)) ? true : undefined));
    process.kill(pids.keeper, "SIGKILL");
    return pids;
  }

  async function hasEnded({ vmm }: KeeperPids): Promise<void> {
    await until("the VMM is gone", async () => ((await isAlive(vmm)) ? undefined : true));
    assert(!(await readFile(join(parts.roots.data, spec.id, "console.log"), "utf8")).includes(COMPLAINT));
  }

  /** It goes on looking, with all that it had. */
  async function looksOn(running: Guest): Promise<void> {
    const rounds = Number(await sh(running, "cat /dev/shm/rounds"));
    await until("it has seen all again", async () =>
      Number(await sh(running, "cat /dev/shm/rounds")) > rounds ? true : undefined,
    );
  }

  test("while it is resumed: it is paused as before, and wakes the next time (S2, S10)", async () => {
    await parts.slots.settled();
    const atRest = await machineState(ground.scope);
    let lost: KeeperPids | undefined;
    const steps = new WatchedSteps(async (name) => {
      if (name === "thaw") lost = await loseIt();
    });
    await assert.rejects(resumeSandbox({ ...parts, steps: () => steps }, spec.id, "memory", NEVER), {
      code: "host_failed",
      message: /its keeper was killed/,
    });
    assert(lost);
    await hasEnded(lost);
    await parts.slots.settled();
    assert.deepEqual(await machineState(ground.scope), atRest);
    const running = await resumeSandbox(parts, spec.id, "memory", NEVER);
    await looksOn(running);
    const { free } = await freezeSandbox(parts, spec.id, running, NEVER);
    await free();
  });

  test("once it runs: it is an error that says so, and resumes from its generation (S2, S10)", async () => {
    await using sandboxes = await Sandboxes.open(parts, () => {});
    const stateIs = (state: string) =>
      until(`it is ${state}`, async () =>
        sandboxes.list().find(({ id, state: now }) => id === spec.id && now === state),
      );
    await sandboxes.resume(spec.id, "memory", NEVER);
    await hasEnded(await loseIt());
    const ended = await stateIs("error");
    assert.match(ended.reason ?? "", /its keeper was killed/);
    await until("what it held is free", async () =>
      (await machineState({ ...ground.scope, folders: [parts.roots.run] })).some((line) => line.includes(spec.id))
        ? undefined
        : true,
    );
    await sandboxes.resume(spec.id, "memory", NEVER);
    await looksOn({ envd: { exec: (request, signal) => sandboxes.exec(spec.id, request, signal) } });
    await sandboxes.pause(spec.id);
  });
});

/** Whether a thread of it stands in a fault that its page server is to resolve. */
async function waitsForPage(pid: number): Promise<boolean> {
  for (const thread of await readdir(`/proc/${pid}/task`)) {
    const where = await readFile(`/proc/${pid}/task/${thread}/wchan`, "utf8").catch(() => "");
    if (where.includes("userfault")) return true;
  }
  return false;
}
