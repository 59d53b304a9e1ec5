/**
 * Joining: the one-time token, this machine's facts and a certificate request, for an identity.
 *
 * A control plane that does not answer is asked again, for as long as it takes: the two are often started together. One that
 * refuses is not: the token will not get better.
 */

import { RoostError } from "@roost/protocol/errors";
import type { Logger } from "pino";
import { Type } from "typebox";
import { Value } from "typebox/value";
import type { HostIdentity } from "../identity/host-identity.ts";
import type { HostKey } from "../identity/host-key.ts";
import { backOffMs } from "./back-off.ts";
import { type Clock, wait } from "./clock.ts";
import { type Answer, type ControlPlaneClient, describeRefusal, NoAnswer } from "./control-plane-client.ts";
import { factsBody, type MachineFacts } from "./machine-facts.ts";

const LONGEST_PAUSE_MS = 30_000;

const JoinedSchema = Type.Object({
  host: Type.Object({ id: Type.String() }),
  token: Type.String(),
  refresh_token: Type.String(),
  certificate: Type.String(),
  ca: Type.String(),
});

export interface Joining {
  readonly client: ControlPlaneClient;
  readonly key: HostKey;
  readonly token: string;
  readonly facts: MachineFacts;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

/** @throws RoostError `unauthorized` or `invalid_request` when the control plane refuses; the signal's reason. */
export async function join(joining: Joining, signal: AbortSignal): Promise<HostIdentity> {
  const { client, key, token, facts, clock, random, logger } = joining;
  const body = { token, ...factsBody(facts), csr: await key.certificateRequest() };
  for (let failures = 1; ; failures++) {
    try {
      return identityFrom(await client.post("hosts/register", body, {}, signal));
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      const pauseMs = backOffMs(failures, LONGEST_PAUSE_MS, random);
      const seconds = Math.round(pauseMs / 1_000);
      logger.warn({ why: error.message, seconds }, "the control plane cannot be reached; joining is tried again");
      await wait(clock, pauseMs, signal);
      signal.throwIfAborted();
    }
  }
}

function identityFrom(answer: Answer): HostIdentity {
  if (answer.status === 429 || answer.status === 408) throw new NoAnswer(describeRefusal(answer));
  if (answer.status === 401) {
    throw new RoostError(
      "unauthorized",
      "The control plane refused the join token: it is wrong, used, or older than an hour. Ask for a new one (POST /v1/hosts/{id}/token, or POST /v1/hosts for a new host) and set ROOST_HOST_TOKEN to it.",
    );
  }
  if (answer.status !== 201) {
    throw new RoostError(
      "invalid_request",
      `The control plane refused to let this host join: ${describeRefusal(answer)}`,
    );
  }
  const { body } = answer;
  if (!Value.Check(JoinedSchema, body)) {
    throw new RoostError(
      "internal",
      "The control plane's answer to joining is not understood: are both of one version?",
    );
  }
  return {
    hostId: body.host.id,
    certificate: body.certificate,
    ca: body.ca,
    token: body.token,
    refreshToken: body.refresh_token,
  };
}
