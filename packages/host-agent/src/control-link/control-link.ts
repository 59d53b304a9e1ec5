/**
 * This host's link to its control plane: joins once, keeps the identity, sends heartbeats, and tells when supervision is lost.
 */
import { RoostError } from "@roost/protocol/errors";
import type { Logger } from "pino";
import { IdentityFolder, type IdentitySource } from "../identity/identity-folder.ts";
import { type Clock, systemClock } from "./clock.ts";
import { ControlPlaneClient } from "./control-plane-client.ts";
import { Heartbeats } from "./heartbeats.ts";
import { join } from "./join.ts";
import type { HostLoad, MachineFacts, ReportedSandbox } from "./machine-facts.ts";
import { Supervision } from "./supervision.ts";

export type { HostLoad, MachineFacts, ReportedSandbox } from "./machine-facts.ts";

export interface ControlLinkOptions {
  readonly url: URL;
  /** `$ROOST_DATA/host`. */
  readonly identityFolder: string;
  /** Needed until this host has joined; not looked at afterwards. */
  readonly joinToken?: string | undefined;
  /** Default 30 s. */
  readonly heartbeatMs?: number;
  readonly facts: MachineFacts;
  readonly listSandboxes: () => readonly ReportedSandbox[];
  readonly load: () => HostLoad | Promise<HostLoad>;
  readonly logger: Logger;
  /** Ends the waiting for a control plane to join. */
  readonly signal?: AbortSignal;
  readonly onControlLost?: (why: "silent" | "refused") => void;
  readonly onControlRegained?: () => void;
  /** The control plane deleted this host: destroy every sandbox. A heartbeat that lists none confirms it. */
  readonly onHostDeleted?: () => void;
  readonly clock?: Clock;
  /** From 0 to 1, for spreading retries. */
  readonly random?: () => number;
}

export interface ControlLink extends AsyncDisposable {
  readonly identity: IdentitySource;
  /** Begins to send heartbeats; the first at once. */
  start(): void;
  /** A sandbox changed by itself: a heartbeat goes out at once, and again until one is accepted. */
  notifyChange(): void;
}

/**
 * Reads this host's identity, or joins to get one. Resolves when there is one.
 * @throws RoostError `internal` (the identity's files are broken), `unauthorized` (the token), `invalid_request`.
 */
export async function openControlLink(options: ControlLinkOptions): Promise<ControlLink> {
  const { url, identityFolder, facts, logger, clock = systemClock, random = Math.random } = options;
  await using resources = new AsyncDisposableStack();
  const folder = await IdentityFolder.open(identityFolder);
  const client = resources.use(new ControlPlaneClient(url));
  if (!folder.joined) {
    const token = options.joinToken ?? missingToken();
    const signal = options.signal ?? new AbortController().signal;
    await folder.save(await join({ client, key: folder.key, token, facts, clock, random, logger }, signal));
    logger.info({ hostId: folder.current.hostId }, "this host has joined");
  }
  const owned = resources.move();
  const ended = new AbortController();
  let beating: { readonly heartbeats: Heartbeats; readonly running: Promise<void> } | undefined;
  return {
    identity: folder,
    start() {
      if (beating !== undefined || ended.signal.aborted) return;
      const supervision = owned.use(new Supervision(clock, loggedEvents(options)));
      const heartbeats = new Heartbeats({
        client,
        folder,
        intervalMs: options.heartbeatMs ?? 30_000,
        listSandboxes: options.listSandboxes,
        load: options.load,
        supervision,
        onHostDeleted: () => {
          supervision[Symbol.dispose]();
          logger.error(
            "the control plane deleted this host: to join anew, stop the agent and remove its identity folder",
          );
          options.onHostDeleted?.();
        },
        clock,
        random,
        logger,
      });
      beating = { heartbeats, running: heartbeats.run(ended.signal) };
    },
    notifyChange: () => beating?.heartbeats.changed(),
    async [Symbol.asyncDispose]() {
      ended.abort();
      await beating?.running;
      await owned.disposeAsync();
    },
  };
}

function loggedEvents({ logger, onControlLost, onControlRegained }: ControlLinkOptions) {
  return {
    onControlLost: (why: "silent" | "refused") => {
      logger.error({ why }, "control is lost: the control plane does not answer, or refuses this host");
      onControlLost?.(why);
    },
    onControlRegained: () => {
      logger.info("control is regained: the control plane took a heartbeat");
      onControlRegained?.();
    },
  };
}

function missingToken(): never {
  throw new RoostError(
    "unauthorized",
    "This host has not joined a control plane. Get a one-time token with POST /v1/hosts and set ROOST_HOST_TOKEN to it.",
  );
}
