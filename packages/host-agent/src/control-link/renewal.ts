/**
 * Renewing what proves who this host is: a new pair of tokens for the refresh token, and a new certificate when the old one is two
 * thirds through its life.
 *
 * The new pair is on disk before it is used. The control plane keeps the old refresh token valid until then, so a crash or a lost
 * answer anywhere in between costs nothing: the next attempt asks again.
 */
import { Type } from "typebox";
import { Value } from "typebox/value";
import { certificateValidity, type HostIdentity } from "../identity/host-identity.ts";
import type { IdentityFolder } from "../identity/identity-folder.ts";
import { type ControlPlaneClient, NoAnswer } from "./control-plane-client.ts";

const RenewedSchema = Type.Object({
  token: Type.String(),
  refresh_token: Type.String(),
  certificate: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  ca: Type.Optional(Type.String()),
});

/** Whether the certificate needs renewing. */
export function certificateIsOld(identity: HostIdentity, now: Date): boolean {
  const { from, to } = certificateValidity(identity);
  return now.getTime() > from.getTime() + ((to.getTime() - from.getTime()) * 2) / 3;
}

/** `refused`: the control plane knows this host no more. @throws NoAnswer, or the signal's reason. */
export async function renew(
  client: ControlPlaneClient,
  folder: IdentityFolder,
  now: Date,
  signal: AbortSignal,
): Promise<"renewed" | "refused"> {
  const { current, key } = folder;
  const csr = certificateIsOld(current, now) ? { csr: await key.certificateRequest() } : {};
  const body = { refresh_token: current.refreshToken, ...csr };
  const answer = await client.post("hosts/auth/refresh", body, {}, signal);
  if (answer.status === 401 || answer.status === 403) return "refused";
  if (answer.status !== 200 || !Value.Check(RenewedSchema, answer.body)) {
    throw new NoAnswer(`its answer to a refresh is not understood (HTTP status ${answer.status})`);
  }
  await folder.save({
    hostId: current.hostId,
    certificate: answer.body.certificate ?? current.certificate,
    ca: current.ca,
    token: answer.body.token,
    refreshToken: answer.body.refresh_token,
  });
  return "renewed";
}
