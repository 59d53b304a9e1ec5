/** The image that every host of a lab starts from: a kernel, its first steps, a root disk. Made once, again when its recipe changes. */
import { mkdir, open, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { placeFolder } from "../../files/durable.ts";
import { readJsonObject } from "../../files/presence.ts";
import type { Step } from "../../install/step.ts";
import { runProgram } from "../../programs/run-program.ts";
import type { Settings } from "../../settings.ts";
import { makeHostRoot } from "./host-root.ts";
import { installHostKernel } from "./kernel.ts";
import { DISK_MB, recipeHash } from "./recipe.ts";

/** `kernel`, `initrd`, `disk` (raw), `image.json`; and what ready-state.ts adds. */
export function imageFolder(settings: Settings): string {
  return join(settings.cache, "lab", "image");
}

export function labImageStep(settings: Settings): Step {
  const place = imageFolder(settings);
  return {
    name: "lab image",
    after: [],
    byHand: `docs/lab.md says what the image of a lab's host consists of; it belongs at ${place}.`,
    isDone: async () => (await readJsonObject(join(place, "image.json")))?.recipe_hash === (await recipeHash(settings)),
    async run(say, signal) {
      const hash = await recipeHash(settings);
      await placeFolder(place, async (folder) => {
        const root = join(folder, "root");
        try {
          await makeHostRoot(settings, root, say, signal);
          await installHostKernel(settings, root, folder, say, signal);
          say("making its disk");
          await makeDisk(settings, root, join(folder, "disk"), signal);
        } finally {
          await rm(root, { recursive: true, force: true });
        }
        await writeFile(join(folder, "image.json"), `${JSON.stringify({ recipe_hash: hash })}\n`);
      });
    },
  };
}

async function makeDisk(settings: Settings, root: string, disk: string, signal: AbortSignal): Promise<void> {
  await using file = await open(disk, "wx", 0o444);
  await file.truncate(DISK_MB * 1024 * 1024);
  await mkdir(join(root, "lost+found"), { recursive: true, mode: 0o700 });
  const options = "lazy_itable_init=0,lazy_journal_init=0,nodiscard,root_owner=0:0";
  await runProgram(
    ["mke2fs", "-q", "-F", "-t", "ext4", "-L", "lab", "-J", "size=64", "-E", options, "-d", root, disk],
    {
      env: { ...settings.environment, MKE2FS_CONFIG: join(settings.checkout, "images", "mke2fs.conf") },
      signal,
    },
  );
}
