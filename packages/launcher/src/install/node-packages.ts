/** The packages of package-lock.json, by `npm ci`; again only when the lock file has changed. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LauncherFailure } from "../failure.ts";
import { contentHash } from "../files/content-hash.ts";
import { readIfThere } from "../files/presence.ts";
import { runProgram } from "../programs/run-program.ts";
import type { Settings } from "../settings.ts";
import type { Step } from "./step.ts";

export function nodePackagesStep(settings: Settings): Step {
  const stamp = join(settings.checkout, "node_modules", ".roost-stamp");
  return {
    name: "node packages",
    after: [],
    byHand: `run "npm ci --ignore-scripts" in ${settings.checkout}.`,
    isDone: async () => (await readIfThere(stamp)) === (await lockHash(settings.checkout)),
    async run(say, signal) {
      const npm = settings.npm;
      if (npm === undefined) throw new LauncherFailure("npm was not brought along: start the launcher as ./roost");
      // No package needs its install script here; what is not run as root cannot do harm as root.
      const options = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"];
      const command = [process.execPath, npm, "ci", ...options] as const;
      await runProgram(command, { cwd: settings.checkout, env: settings.environment, signal, onLine: say });
      await writeFile(stamp, await lockHash(settings.checkout));
    },
  };
}

function lockHash(checkout: string): Promise<string> {
  return contentHash([join(checkout, "package-lock.json")]);
}
