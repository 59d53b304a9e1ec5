/** `./roost dev`: as `up` in the foreground, and a server whose sources change is restarted with them. */
import { join } from "node:path";
import type { Settings } from "../settings.ts";
import type { ServiceName } from "../supervise/roost.ts";
import { watchSources } from "../supervise/watch-sources.ts";
import { installShown } from "./install.ts";
import type { Machine } from "./machine.ts";
import { superviseHere } from "./supervise.ts";

/** Which server runs on which packages. */
const SOURCES: Readonly<Record<string, readonly ServiceName[]>> = {
  "control-plane": ["control-plane"],
  "host-agent": ["host-agent"],
  protocol: ["control-plane", "host-agent"],
};

export async function dev(settings: Settings, machine: Machine): Promise<void> {
  await installShown(settings, machine);
  const watch = (line: string) => machine.stderr.write(`${line}\n`);
  await using watchers = new AsyncDisposableStack();
  await superviseHere(settings, machine, watch, (credentials, roost) => {
    for (const [name, services] of Object.entries(SOURCES)) {
      const folder = join(settings.checkout, "packages", name, "src");
      const restart = () => {
        watch(`${name} has changed: restarting ${services.join(" and ")}`);
        for (const service of services) roost.services.get(service)?.kill("SIGTERM");
      };
      watchers.use(watchSources(folder, restart));
    }
    watch(`Roost is up at ${credentials.url}, API key ${credentials.apiKey}; watching the sources`);
  });
}
