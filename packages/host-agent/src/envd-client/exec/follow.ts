/**
 * A process's events from its start to its end, over as many connections as it takes: a process belongs to the guest agent, not
 * to a connection, so when one breaks it is taken up again by the process's tag.
 */

import { setTimeout as pause } from "node:timers/promises";
import type { CallOptions, Client } from "@connectrpc/connect";
import type { process } from "@roost/protocol/envd";
import { localCause, saidByGuest } from "../connect-transport.ts";
import { GuestUnreachable, guestRefusal, malformedAnswer } from "../guest-failure.ts";
import { interpret } from "../process-events.ts";

export type ProcessClient = Client<typeof process.Process>;

export type FollowedEvent =
  | { readonly case: "start"; readonly pid: number }
  | { readonly case: "stdout" | "stderr"; readonly bytes: Uint8Array }
  /** A connection broke: what was on its way may be missing. */
  | { readonly case: "gap" }
  | { readonly case: "end"; readonly end: process.ProcessEvent_EndEvent };

/** A link between host and guest does not break by itself: one that breaks again and again is a guest's doing. */
const RECONNECTIONS = 5;
const RECONNECT_PAUSE_MS = 100;

export interface Followed {
  readonly client: ProcessClient;
  readonly start: process.StartRequest;
  readonly tag: string;
  /** For the stream: the user, the interval of keepalives. */
  readonly headers: Record<string, string>;
  readonly signal: AbortSignal;
}

/**
 * Ends with the `end` event. @throws what the guest said to the start (see `saidByGuest`), RoostError `host_failed`, or the reason
 * of the signal.
 */
export async function* follow(followed: Followed): AsyncGenerator<FollowedEvent> {
  const { client, start, tag, headers, signal } = followed;
  const options: CallOptions = { signal, headers };
  let stream: AsyncIterable<{ event?: process.ProcessEvent | undefined }> = client.start(start, options);
  for (let broken = 0; ; broken++) {
    try {
      for await (const { event } of stream) {
        const told = interpret(event);
        if (told === undefined || told.case === "pty") continue;
        yield told;
        if (told.case === "end") return;
      }
      throw malformedAnswer("a command's stream ended without its end");
    } catch (error) {
      signal.throwIfAborted();
      await reconnectable(error, broken, signal);
    }
    yield { case: "gap" };
    stream = client.connect({ process: { selector: { case: "tag", value: tag } } }, options);
  }
}

/** Returns when another connection is to be tried; else throws. */
async function reconnectable(error: unknown, broken: number, signal: AbortSignal): Promise<void> {
  if (saidByGuest(error)) {
    if (broken === 0) throw error;
    throw guestRefusal(`the command was lost with its connection: ${error.rawMessage}`);
  }
  const cause = localCause(error);
  if (!(cause instanceof GuestUnreachable)) throw cause;
  if (broken === RECONNECTIONS) throw cause;
  await pause(RECONNECT_PAUSE_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
}
