/**
 * Who uses a sandbox's guest: counts as activity for as long as it lasts (S9), and is told when the guest is taken away, so that no
 * stream stands still for ever and none ends without saying why.
 */
import type { RoostError } from "@roost/protocol/errors";
import type { EnvdClient } from "../envd-client/envd-client.ts";
import type { Activity } from "./activity.ts";

/** To be disposed of when the use is over. */
export interface GuestUse extends Disposable {
  readonly envd: EnvdClient;
  /** Aborted with a RoostError when the guest is taken away: it is paused, destroyed, or has ended. */
  readonly taken: AbortSignal;
}

export class GuestUses {
  #taken = new AbortController();

  begin(envd: EnvdClient, activity: Activity): GuestUse {
    const underWay = activity.begin();
    return { envd, taken: this.#taken.signal, [Symbol.dispose]: () => underWay[Symbol.dispose]() };
  }

  /** Ends the uses under way. Later ones may begin, if the guest is there after all. */
  takeAway(why: RoostError): void {
    const taken = this.#taken;
    this.#taken = new AbortController();
    taken.abort(why);
  }
}
