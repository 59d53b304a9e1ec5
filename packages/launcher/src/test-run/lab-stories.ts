/**
 * Stories that run on an emulated host as they run here: by `./roost test` in the host's own checkout, with KVM, cgroup v2, a kernel
 * and distribution that may be others than this machine's. What they count, counts.
 */
import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import { LauncherFailure } from "../failure.ts";
import { Lab } from "../lab/lab.ts";
import type { Counts, Part } from "./part.ts";

/** Stands in the header of a story that is to run on an emulated host, too. */
const TAG = /^ \* Runs in the lab, too\.$/m;

export async function labStoriesPart(checkout: string): Promise<Part> {
  const files = await taggedStories(checkout);
  return {
    name: `stories on an emulated host (${files.length} files)`,
    async run({ settings, write, signal }) {
      await using lab = await Lab.open({ settings, signal });
      // One that knows already which VMM boots guests there, and has compiled most of what they run.
      await using host = await lab.hostWithRoost();
      await host.roost("down");
      await host.bringCheckout();
      const onOutput = (piece: Buffer) => write(piece.toString().replaceAll(/^/gm, "  │ "));
      const result = await host.attempt(["./roost", "test", ...files], { cwd: "/root/roost", onOutput, signal });
      return countsIn(result.stdout);
    },
  };
}

async function taggedStories(checkout: string): Promise<string[]> {
  const found: string[] = [];
  for await (const file of glob("tests/stories/*.test.ts", { cwd: checkout })) {
    if (TAG.test(await readFile(join(checkout, file), "utf8"))) found.push(file);
  }
  if (found.length === 0) throw new LauncherFailure("no story is tagged for the lab");
  return found.sort();
}

/** From the last line of a run: `12 passed, 0 failed, 1 skipped`. */
export function countsIn(output: string): Counts {
  const lines = Array.from(output.matchAll(/^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/gm));
  const [, passed, failed, skipped = 0] = lines.at(-1) ?? [];
  // One that broke off before it could count has failed.
  if (passed === undefined) return { passed: 0, failed: 1, skipped: 0 };
  return { passed: Number(passed), failed: Number(failed), skipped: Number(skipped) };
}
