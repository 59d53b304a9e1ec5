/** `./roost bench`: installs, and hands over to tests/bench, which measures with a Roost of its own. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { LauncherFailure } from "../failure.ts";
import { TEST_PACKAGES } from "../install/debian-packages.ts";
import type { Settings } from "../settings.ts";
import { installShown } from "./install.ts";
import type { Machine } from "./machine.ts";

export async function bench(settings: Settings, machine: Machine, args: readonly string[]): Promise<void> {
  await installShown(settings, machine, TEST_PACKAGES);
  const program = join(settings.checkout, "tests", "bench", "main.ts");
  const child = spawn(process.execPath, [program, ...args], {
    cwd: settings.checkout,
    env: { ...settings.environment, ROOST_CACHE: settings.cache },
    stdio: ["ignore", "inherit", "inherit"],
  });
  const interrupt = () => child.kill("SIGTERM");
  machine.interrupted.addEventListener("abort", interrupt, { once: true });
  const [code] = (await once(child, "exit")) as [number | null];
  machine.interrupted.removeEventListener("abort", interrupt);
  if (code !== 0) throw new LauncherFailure("the benchmark did not come to its end");
}
