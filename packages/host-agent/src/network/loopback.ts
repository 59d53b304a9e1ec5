/**
 * A resolver on 127.0.0.1 is reached from slots whose links may lead there. The kernel forbids that by default, rightly; it is
 * allowed only where such a resolver is all the machine has. Then, too, the tables of slot and host drop whatever a guest sends
 * to 127.0.0.0/8 by itself.
 */
import type { CommandRunner } from "../commands/run.ts";

/** @param links names of the host's ends of slots. */
export async function openLoopback(run: CommandRunner, links: readonly string[], signal?: AbortSignal): Promise<void> {
  if (links.length === 0) return;
  const files = links.map((link) => `/proc/sys/net/ipv4/conf/${link}/route_localnet`);
  await run(["tee", ...files], { input: "1\n", signal });
}
