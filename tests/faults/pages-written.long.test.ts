/**
 * What a pause writes is what the guest has changed, whatever the size of its memory and however many generations it has: counted in
 * pages, not in time. A program in the guest changes a known number of them between two pauses.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  createSandbox,
  destroySandbox,
  freezeSandbox,
  type RunningSandbox,
  resumeSandbox,
} from "@roost/host-agent/testing";
import { GuestMemory } from "../guest-memory/guest-memory.ts";
import { openFaultsGround, smallSpec } from "./faults-ground.ts";
import { type FrozenPages, listenForFrozen } from "./frozen-pages.ts";
import { sh, startPython } from "./guest-shell.ts";
import { WatchedSteps } from "./watched-steps.ts";

const NEVER = new AbortController().signal;
/** What the program changes each time it is asked: more than all that goes on in an idle guest. */
const CHANGED = 4_000;

const CHANGING = `
import socket
size = 8_000
pages = bytearray(b"x" * (size * 4096))
server = socket.create_server(("127.0.0.1", 7000))
open("/tmp/ready", "w").close()
n = 0
while True:
    peer, _ = server.accept()
    n += 1
    for page in range(0, size, size // ${CHANGED}): pages[page * 4096 + 64] = n
    peer.sendall(b"done"); peer.close()
`;
const CHANGE = `python3 -c 'import socket; print(socket.create_connection(("127.0.0.1", 7000)).makefile().read(), end="")'`;

interface Pause extends FrozenPages {
  /** That differ from what they were at the pause before. */
  readonly different: number;
}

/** Pauses and resumes; before each pause the program has changed its pages. */
async function pauses(memory: "mapped" | "paged", memoryMb: number, count: number): Promise<Pause[]> {
  const frozen = listenForFrozen();
  await using ground = await openFaultsGround({ memory, logger: frozen.logger });
  const { parts } = ground;
  const spec = { ...smallSpec(), memoryMb };
  await using stack = new AsyncDisposableStack();
  let running: RunningSandbox = await createSandbox(parts, spec, new Date(), NEVER);
  stack.defer(() => destroySandbox(parts, spec.id, running));
  await startPython(running, CHANGING);
  let before: string[] = [];
  const found: Pause[] = [];
  for (let pause = 0; pause <= count; pause++) {
    await sh(running, CHANGE);
    let sums: string[] = [];
    const { pids } = running.machine;
    const steps = new WatchedSteps(async (name) => {
      if (name === "save") sums = await (await GuestMemory.of(pids.vmm, memoryMb)).pageSums();
    });
    const { free } = await freezeSandbox({ ...parts, steps: () => steps }, spec.id, running, NEVER);
    await free();
    // The first has no generation before it.
    const different = sums.filter((sum, page) => sum !== before[page]).length;
    if (pause > 0) found.push({ ...frozen.last(), different });
    before = sums;
    running = await resumeSandbox(parts, spec.id, "memory", NEVER);
  }
  return found;
}

describe("a pause that follows a resume", () => {
  for (const memory of ["mapped", "paged"] as const) {
    test(`writes at most twice the pages that have changed, with 256 MB as with 512, first as last: ${memory} (S3)`, async (t) => {
      const small = await pauses(memory, 256, 6);
      const large = await pauses(memory, 512, 1);
      const all = [...small, ...large];
      t.diagnostic(JSON.stringify(all.map(({ changed, written, different }) => ({ changed, written, different }))));
      for (const { written, different } of all) {
        assert(different >= CHANGED, `${different} have changed`);
        assert(written >= different * 0.9, "what has changed is written");
        assert(written <= 2 * different, `${written} were written, ${different} have changed`);
      }
      const [first, last, other] = [small[0]?.written ?? 0, small.at(-1)?.written ?? 0, large[0]?.written ?? 0];
      assert(last <= 1.25 * first, `the first wrote ${first} pages, the last ${last}`);
      assert(other <= 1.25 * first, `with half of the memory ${first} pages, with all ${other}`);
    });
  }
});
