/**
 * Heartbeats: one every interval, and one at once after a change, until a heartbeat that tells of it has been accepted.
 *
 *   accepted ──▶ waits for the interval or a change
 *   401, 403 ──▶ renews, once, and asks again; if that is refused: control is lost, and it goes on asking every interval
 *   410      ──▶ this host was deleted: told once; goes on until a heartbeat without sandboxes has confirmed it, then ends
 *   else     ──▶ asks again, with back-off up to the interval
 */
import type { Logger } from "pino";
import type { IdentityFolder } from "../identity/identity-folder.ts";
import { backOffMs } from "./back-off.ts";
import { type Clock, wait } from "./clock.ts";
import { type ControlPlaneClient, describeRefusal, NoAnswer } from "./control-plane-client.ts";
import { type HostLoad, heartbeatBody, type ReportedSandbox } from "./machine-facts.ts";
import { certificateIsOld, renew } from "./renewal.ts";
import type { Supervision } from "./supervision.ts";

export interface HeartbeatParts {
  readonly client: ControlPlaneClient;
  readonly folder: IdentityFolder;
  readonly intervalMs: number;
  readonly listSandboxes: () => readonly ReportedSandbox[];
  readonly load: () => HostLoad | Promise<HostLoad>;
  readonly supervision: Supervision;
  readonly onHostDeleted: () => void;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

type Outcome = "accepted" | "refused" | "deleted" | "confirmed" | "unanswered";

export class Heartbeats {
  readonly #parts: HeartbeatParts;
  /** Counts changes; what the last accepted heartbeat told of. */
  #changes = 0;
  #told = 0;
  #failures = 0;
  #deleted = false;
  #wake: AbortController | undefined;

  constructor(parts: HeartbeatParts) {
    this.#parts = parts;
  }

  /** Something is to be told now. While heartbeats fail, it waits its turn with them. */
  changed(): void {
    this.#changes++;
    if (this.#failures === 0) this.#wake?.abort();
  }

  /** Runs until the signal is aborted, or this host's end is confirmed. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const outcome = await this.#beatSafely(signal);
      if (signal.aborted || outcome === "confirmed") return;
      this.#failures = outcome === "unanswered" ? this.#failures + 1 : 0;
      if (outcome === "accepted" && this.#changes > this.#told) continue;
      await this.#pause(outcome, signal);
    }
  }

  async #pause(outcome: Outcome, signal: AbortSignal): Promise<void> {
    const { clock, intervalMs, random } = this.#parts;
    const ms = outcome === "unanswered" ? backOffMs(this.#failures, intervalMs, random) : intervalMs;
    this.#wake = new AbortController();
    await wait(clock, ms, AbortSignal.any([signal, this.#wake.signal]));
    this.#wake = undefined;
  }

  async #beatSafely(signal: AbortSignal): Promise<Outcome> {
    const { logger, supervision } = this.#parts;
    try {
      const outcome = await this.#beat(signal);
      if (outcome === "accepted") supervision.accepted();
      if (outcome === "refused") supervision.refused();
      return outcome;
    } catch (error) {
      if (signal.aborted) return "unanswered";
      const level = this.#failures === 0 ? "warn" : "debug";
      if (error instanceof NoAnswer)
        logger[level]({ why: error.message }, "the control plane did not take a heartbeat");
      else logger.error({ err: error }, "a heartbeat failed unexpectedly");
      return "unanswered";
    }
  }

  async #beat(signal: AbortSignal): Promise<Outcome> {
    const { folder, clock } = this.#parts;
    if (certificateIsOld(folder.current, clock.date()) && (await this.#renew(signal)) === "refused") return "refused";
    const first = await this.#send(signal);
    if (first !== "refused") return first;
    if ((await this.#renew(signal)) === "refused") return "refused";
    return await this.#send(signal);
  }

  async #renew(signal: AbortSignal): Promise<"renewed" | "refused"> {
    const { client, folder, clock, logger } = this.#parts;
    const outcome = await renew(client, folder, clock.date(), signal);
    logger.info({ outcome }, "this host asked for new credentials");
    return outcome;
  }

  async #send(signal: AbortSignal): Promise<Outcome> {
    const { client, folder, listSandboxes, load } = this.#parts;
    const telling = this.#changes;
    const sandboxes = listSandboxes();
    const body = heartbeatBody(await load(), sandboxes);
    const { hostId, token } = folder.current;
    const answer = await client.post(`hosts/${hostId}/heartbeat`, body, { "x-host-token": token }, signal);
    switch (answer.status) {
      case 204:
        this.#told = telling;
        return "accepted";
      case 401:
      case 403:
        return "refused";
      case 410:
        return this.#wasDeleted(sandboxes.length);
      default:
        throw new NoAnswer(describeRefusal(answer));
    }
  }

  #wasDeleted(sandboxesLeft: number): Outcome {
    if (!this.#deleted) {
      this.#deleted = true;
      this.#parts.onHostDeleted();
      return "deleted";
    }
    return sandboxesLeft === 0 ? "confirmed" : "deleted";
  }
}
