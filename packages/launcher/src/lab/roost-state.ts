/**
 * A host on which a Roost of this checkout runs, frozen: made from the one that is frozen when ready. To start a Roost takes an emulated
 * processor minutes; every host that needs one is a copy of this, and has it in seconds. Made again when Roost has changed.
 */
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { contentHash } from "../files/content-hash.ts";
import { placeFolder } from "../files/durable.ts";
import { readJsonObject } from "../files/presence.ts";
import type { Step } from "../install/step.ts";
import { runProgram } from "../programs/run-program.ts";
import type { Settings } from "../settings.ts";
import { HostLine } from "./channel/host-line.ts";
import { freeze, thaw } from "./emulator/freeze.ts";
import { openFreezingBench, overlay } from "./freezing-bench.ts";
import { CHECKOUT_INSIDE } from "./image/recipe.ts";
import { readyAccelerator, readyFolder } from "./ready-state.ts";
import { BRING_CHECKOUT, NOBODYS_NUMBER, runOn, wake } from "./wake.ts";

/** `disk`, `ram`, `state`, `roost.json`; gone with the state that it is made from. */
export function roostFolder(settings: Settings): string {
  return join(readyFolder(settings), "roost");
}

export function roostStateStep(settings: Settings): Step {
  const place = roostFolder(settings);
  return {
    name: "lab host, frozen with a Roost",
    after: ["lab host, frozen when ready"],
    byHand: "docs/lab.md says how a host is frozen.",
    isDone: async () => (await readJsonObject(join(place, "roost.json")))?.sources === (await sourcesHash(settings)),
    async run(say, signal) {
      const sources = await sourcesHash(settings);
      // Two of them would take a gigabyte more.
      await rm(place, { recursive: true, force: true });
      say("starting a Roost in a host");
      await placeFolder(place, async (folder) => {
        await makeRoostState(settings, folder, signal);
        await writeFile(join(folder, "roost.json"), JSON.stringify({ sources }));
      });
    },
  };
}

/** What a Roost that runs consists of; the lab is none of it. */
function sourcesHash({ checkout, cache }: Settings): Promise<string> {
  const programs = join(cache, "bin", "sources.sha256");
  const sources = ["packages", "package-lock.json", "roost"].map((name) => join(checkout, name));
  return contentHash([programs, import.meta.filename, ...sources], new Set(["lab", "test-run", "node_modules"]));
}

/**
 * In the `.env` of its checkout, so that they hold for every later `up`. Without warm bases: a host is frozen while it runs no guest, and
 * the one processor of its copies is left to what is tested. With less kept for the host itself: there are 3 GB.
 */
const SETTINGS = `printf 'ROOST_WARM_BASES=off\\nROOST_HOST_RESERVE_MB=256\\n' > ${CHECKOUT_INSIDE}/.env`;

/** Roosts of tests are told that KVM boots guests here, too. */
const HANDED_ON = `cd ${CHECKOUT_INSIDE}/.roost
grep -q kvm data/host/vmm-choice.json || { echo "KVM boots no guest here" && exit 1; }
mkdir -p -m 700 tests && cp data/host/vmm-choice.json tests/`;

async function makeRoostState(settings: Settings, folder: string, signal: AbortSignal): Promise<void> {
  const ready = readyFolder(settings);
  await overlay(join(ready, "disk"), "qcow2", join(folder, "disk"), signal);
  const copy = ["cp", "--reflink=auto", "--sparse=always"] as const;
  for (const name of ["ram", "state"]) await runProgram([...copy, join(ready, name), join(folder, name)], { signal });
  await using bench = await openFreezingBench(settings, folder, await readyAccelerator(settings), signal);
  const machine = await bench.start("thaw");
  await thaw(machine);
  using line = await HostLine.connect(join(bench.folder, "line-0"));
  await wake(line, NOBODYS_NUMBER);
  await runOn(line, BRING_CHECKOUT, signal);
  for (const script of [SETTINGS, `cd ${CHECKOUT_INSIDE} && exec ./roost up --detach`, HANDED_ON, "sync"]) {
    await runOn(line, ["sh", "-c", script], signal);
  }
  await freeze(machine);
}
