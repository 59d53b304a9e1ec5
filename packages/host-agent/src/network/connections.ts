import { CommandError, type CommandRunner } from "../commands/run.ts";

/**
 * Makes the host forget all connections from and to a slot, so that no packet of an old one reaches the address's next bearer. Where `conntrack`
 * is not installed they end by their time limits; indexes go round, so that an address is not soon used again.
 */
export async function forgetConnections(run: CommandRunner, address: string): Promise<void> {
  for (const filter of ["--orig-src", "--orig-dst"]) {
    try {
      await run(["conntrack", "-D", filter, address]);
    } catch (error) {
      // Status 1 is also its answer when there was none to forget.
      if (!(error instanceof CommandError && (error.missing || error.status === 1))) throw error;
    }
  }
}
