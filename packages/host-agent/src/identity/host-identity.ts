/**
 * Who this host is: its id, and what proves it. To the control plane by token (REST), to whoever dials it by certificate (RPC).
 */
import { X509Certificate } from "node:crypto";
import { isId } from "@roost/protocol/ids";
import type { HostKey } from "./host-key.ts";

export interface HostIdentity {
  readonly hostId: string;
  /** PEM; valid for `hostServerName(hostId)` and issued by `ca`. */
  readonly certificate: string;
  /** PEM of the control plane's own authority: what it signed, and nothing else, may command this host. */
  readonly ca: string;
  /** Goes with every heartbeat; 7 days. */
  readonly token: string;
  /** Buys a new pair, once; 60 days. */
  readonly refreshToken: string;
}

/** The name in a host's certificate, by which the control plane checks whom it dialled. */
export function hostServerName(hostId: string): string {
  return `${hostId}.roost.internal`;
}

/** What of an identity does not fit together; `undefined` when all does. Its dates are not looked at: an old one can be renewed. */
export function identityFault(identity: HostIdentity, key: HostKey): string | undefined {
  if (!isId("host", identity.hostId)) return "the host id is not one";
  const certificate = parseCertificate(identity.certificate);
  if (certificate === undefined) return "the certificate cannot be read";
  const ca = parseCertificate(identity.ca);
  if (ca === undefined) return "the authority's certificate cannot be read";
  if (!certificate.checkPrivateKey(key.private)) return "the certificate is for another key";
  if (!ca.ca || !certificate.checkIssued(ca) || !certificate.verify(ca.publicKey)) {
    return "the certificate was not issued by the authority beside it";
  }
  if (certificate.checkHost(hostServerName(identity.hostId)) === undefined)
    return "the certificate is for another host";
  if (identity.token === "" || identity.refreshToken === "") return "the tokens are missing";
  return undefined;
}

/** The moments between which the certificate is valid. */
export function certificateValidity(identity: HostIdentity): { readonly from: Date; readonly to: Date } {
  const { validFromDate, validToDate } = new X509Certificate(identity.certificate);
  return { from: validFromDate, to: validToDate };
}

function parseCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}
