/**
 * What Roosts on one machine must not share, numbered: ports, slot addresses, user ids. A Roost that a test starts takes the
 * lowest free number, held by a lock that the kernel frees when the test's process ends, however it ends.
 */
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { LauncherFailure } from "../failure.ts";
import { exists } from "../files/presence.ts";
import { tryLock } from "../programs/file-lock.ts";

export interface Lot extends AsyncDisposable {
  readonly number: number;
  /** On this machine, for this number; survives its holder, so that the next one can clear up after it. */
  readonly folder: string;
  readonly environment: {
    readonly ROOST_LISTEN: string;
    readonly ROOST_AGENT_LISTEN: string;
    readonly ROOST_AGENT_METRICS_LISTEN: string;
    readonly ROOST_METRICS_LISTEN: string;
    readonly ROOST_SLOT_CIDR: string;
    readonly ROOST_VMM_UID_BASE: string;
    readonly ROOST_RUN: string;
  };
}

const LOTS_FOLDER = "/run/roost-tests";
/** As many as there are /22 networks in 10.214.0.0/16, which lies beside a Roost's own default. */
const LOTS = 64;
const FIRST_PORT = 14_700;
const PORTS_APART = 4;
const FIRST_UID = 1_900_100_000;
/** A /22 has 512 slots, and each VM a user of its own. */
const UIDS_APART = 1024;

export async function takeLot(): Promise<Lot> {
  for (let number = 0; number < LOTS; number++) {
    const folder = join(LOTS_FOLDER, String(number));
    const lock = await tryLock(join(folder, "lock"));
    if (lock === undefined) continue;
    if (!(await exists(join(folder, "home"))) && hasAddresses(number)) {
      // Another Roost's, which does not see our locks: in a container, say, that shares this machine's network.
      await lock[Symbol.asyncDispose]();
      continue;
    }
    const ports = [0, 1, 2, 3].map((offset) => FIRST_PORT + number * PORTS_APART + offset);
    if ((await Promise.all(ports.map(isFree))).every((free) => free)) return lotOf(number, folder, ports, lock);
    await lock[Symbol.asyncDispose]();
  }
  throw new LauncherFailure(`${LOTS} Roosts of tests run on this machine already`);
}

/** The first three bytes of a lot's /22. */
function networkOf(number: number): string {
  return `10.214.${number * 4}.`;
}

/** Whether this machine has slots in the lot's range. The lowest ones come first, so its first /24 tells. */
function hasAddresses(number: number): boolean {
  const addresses = Object.values(networkInterfaces()).flatMap((infos) => infos ?? []);
  return addresses.some(({ address }) => address.startsWith(networkOf(number)));
}

function lotOf(number: number, folder: string, ports: readonly number[], lock: AsyncDisposable): Lot {
  const [api, agent, metrics, agentMetrics] = ports.map((port) => `127.0.0.1:${port}`);
  return {
    number,
    folder,
    environment: {
      ROOST_LISTEN: String(api),
      ROOST_AGENT_LISTEN: String(agent),
      ROOST_METRICS_LISTEN: String(metrics),
      ROOST_AGENT_METRICS_LISTEN: String(agentMetrics),
      ROOST_SLOT_CIDR: `${networkOf(number)}0/22`,
      ROOST_VMM_UID_BASE: String(FIRST_UID + number * UIDS_APART),
      ROOST_RUN: join(folder, "run"),
    },
    [Symbol.asyncDispose]: () => lock[Symbol.asyncDispose](),
  };
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
