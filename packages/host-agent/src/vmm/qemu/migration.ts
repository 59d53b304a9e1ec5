/**
 * QEMU's device state, going out and coming in. Memory stays out of it (`x-ignore-shared`): the keeper has that.
 *
 * QEMU tells by events how far it is; nothing is polled.
 */
import { RoostError } from "@roost/protocol/errors";
import type { JsonObject } from "../../json-lines/json-lines.ts";
import type { Keeper } from "../../keeper/keeper.ts";
import type { SavedMachine } from "../../keeper/keeper-config.ts";
import { INCOMING_URI, STATE_URI } from "./command-line.ts";
import type { Qmp } from "./qmp.ts";

const CAPABILITIES = ["x-ignore-shared", "events"].map((capability) => ({ capability, state: true }));

export class Migration {
  readonly #qmp: Qmp;
  #ended: PromiseWithResolvers<void> | undefined;

  constructor(qmp: Qmp) {
    this.#qmp = qmp;
  }

  /** To be told of every `MIGRATION` event. */
  onEvent({ status }: JsonObject): void {
    if (status === "completed") this.#ended?.resolve();
    if (status === "failed" || status === "cancelled") {
      this.#ended?.reject(new RoostError("internal", `QEMU's migration has ${String(status)}.`));
    }
  }

  /** The connection is gone, and no event will come. */
  lost(): void {
    this.#ended?.reject(new RoostError("internal", "The machine has ended while its state was on the way."));
  }

  /** Takes the device state from the keeper, into a QEMU that was started to wait for it. */
  async receive(keeper: Keeper): Promise<void> {
    await this.#prepare();
    const ended = this.#expectEnd();
    await this.#qmp.execute("migrate-incoming", { uri: INCOMING_URI });
    await Promise.all([keeper.sendState(), ended]);
  }

  /** Gives the device state to the keeper, which writes it and the memory down. The vCPUs stand still. */
  async send(keeper: Keeper, name: string, generation: number, cancel: () => Promise<void>): Promise<SavedMachine> {
    await this.#prepare();
    const ended = this.#expectEnd();
    const saved = keeper.save(name, generation);
    const sent = this.#qmp.execute("migrate", { uri: STATE_URI }).then(() => ended);
    // The keeper would wait for a state that does not come; its own failure, in turn, breaks QEMU's connection.
    sent.catch(() => void cancel());
    const [whole, state] = await Promise.allSettled([saved, sent]);
    if (whole.status === "fulfilled" && state.status === "fulfilled") return whole.value;
    // What QEMU has sent, and nobody has read, must not be taken for the next state.
    await cancel();
    throw whole.status === "rejected" ? whole.reason : (state as PromiseRejectedResult).reason;
  }

  async #prepare(): Promise<void> {
    await this.#qmp.execute("migrate-set-capabilities", { capabilities: CAPABILITIES });
  }

  /** Settles when the migration that is about to begin has ended. */
  #expectEnd(): Promise<void> {
    this.#ended = Promise.withResolvers<void>();
    this.#ended.promise.catch(() => {}); // Whoever began it may have failed before it looked.
    return this.#ended.promise;
  }
}
