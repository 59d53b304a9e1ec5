/**
 * Every page of a guest's memory is what it was: compared from outside, from the moment the guest stood still to the moment before it
 * goes on, and from inside by a program that knows what it has. In both ways a guest is given memory; where the machine has swap, most
 * of what is compared was in swap when the guest was frozen. What a pause writes is measured by the same comparison.
 *
 * Runs in the lab, too.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import {
  createSandbox,
  destroySandbox,
  freezeSandbox,
  type Parts,
  type RunningSandbox,
  resumeSandbox,
} from "@roost/host-agent/testing";
import { openFaultsGround, smallSpec } from "../faults/faults-ground.ts";
import { listenForFrozen } from "../faults/frozen-pages.ts";
import { sh, startPython } from "../faults/guest-shell.ts";
import { WatchedSteps } from "../faults/watched-steps.ts";
import { GuestMemory } from "../guest-memory/guest-memory.ts";
import { keeperAt } from "./keeper-of.ts";

const NEVER = new AbortController().signal;
const HELD_MB = 24;

/** Holds random memory in one piece, changes some of it each time it is asked, and says how many pages of it are right. */
const KNOWING = `
import hashlib, os, socket
count = ${HELD_MB} * 256
pages = bytearray(os.urandom(count * 4096))
view = memoryview(pages)
page = lambda i: view[i * 4096 : i * 4096 + 4096]
sums = [hashlib.sha1(page(i)).digest() for i in range(count)]
server = socket.create_server(("127.0.0.1", 7000))
open("/tmp/ready", "w").close()
while True:
    peer, _ = server.accept()
    right = sum(hashlib.sha1(page(i)).digest() == sums[i] for i in range(count))
    for i in range(0, count, 2):
        page(i)[:] = os.urandom(4096); sums[i] = hashlib.sha1(page(i)).digest()
    peer.sendall(str(right).encode()); peer.close()
`;
const ASK = `python3 -c 'import socket; print(socket.create_connection(("127.0.0.1", 7000)).makefile().read(), end="")'`;

describe("the whole of a guest's memory", () => {
  for (const memory of ["mapped", "paged"] as const) {
    test(`is the same, page by page, when it wakes; a pause after that writes at most twice what has changed: ${memory} (S1, S2, S3)`, async () => {
      const frozen = listenForFrozen();
      await using ground = await openFaultsGround({ memory, logger: frozen.logger });
      const { parts } = ground;
      const spec = smallSpec();
      await using stack = new AsyncDisposableStack();
      let running = await createSandbox(parts, spec, new Date(), NEVER);
      stack.defer(() => destroySandbox(parts, spec.id, running));
      await startPython(running, KNOWING);
      let before: string[] | undefined;
      for (let round = 1; round <= 2; round++) {
        const swapped = await (await GuestMemory.of(running.machine.pids.vmm, spec.memoryMb)).pageOut();
        if (await hasSwap()) assert(swapped > (HELD_MB / 2) * 1024 * 1024, `only ${swapped} bytes are in swap`);
        const asleep = await sumsAsItFreezes(parts, spec, running);
        assert(new Set(asleep).size > HELD_MB * 256, "there is something to compare");
        if (before) {
          const changed = asleep.filter((sum, page) => sum !== before?.[page]).length;
          const { written } = frozen.last();
          assert(changed > HELD_MB * 128, `only ${changed} pages have changed`);
          assert(written <= 2 * changed, `${written} pages were written, and ${changed} have changed`);
        }
        before = asleep;
        const awake = await wake(parts, spec);
        running = awake.running;
        const different = asleep.flatMap((sum, page) => (sum === awake.sums?.[page] ? [] : [page]));
        assert.deepEqual([different, awake.sums?.length], [[], asleep.length], `round ${round}`);
        assert.equal(await sh(running, ASK), String(HELD_MB * 256));
      }
    });
  }
});

type Spec = ReturnType<typeof smallSpec>;

async function sumsAsItFreezes(parts: Parts, { id, memoryMb }: Spec, running: RunningSandbox): Promise<string[]> {
  let sums: string[] | undefined;
  const steps = new WatchedSteps(async (name) => {
    if (name === "save") sums = await (await GuestMemory.of(running.machine.pids.vmm, memoryMb)).pageSums();
  });
  const { free } = await freezeSandbox({ ...parts, steps: () => steps }, id, running, NEVER);
  await free();
  assert(sums, "it was saved");
  return sums;
}

/** With the sums from when it had all back and did not run yet. */
async function wake(
  parts: Parts,
  { id, memoryMb }: Spec,
): Promise<{ running: RunningSandbox; sums: string[] | undefined }> {
  let sums: string[] | undefined;
  const steps = new WatchedSteps(async (name) => {
    if (name !== "machine") return;
    const { vmm } = await keeperAt(parts.roots.run, id);
    sums = await (await GuestMemory.of(vmm, memoryMb)).pageSums();
  });
  const running = await resumeSandbox({ ...parts, steps: () => steps }, id, "memory", NEVER);
  return { running, sums };
}

async function hasSwap(): Promise<boolean> {
  return (await readFile("/proc/swaps", "utf8")).trim().split("\n").length > 1;
}
