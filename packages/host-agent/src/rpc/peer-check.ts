/**
 * Who may command this host: the holder of a certificate that our authority signed for clients, with the control plane's name.
 * TLS has checked signature, dates and purpose (another host's certificate is for servers only, and fails there already); the
 * name is checked here.
 */
import type { PeerCertificate, TLSSocket } from "node:tls";

/** The subject of the control plane's certificate. */
export const CONTROL_PLANE_NAME = "roost:control-plane";
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

/** Why this peer is refused, in words of ours; `undefined` for the control plane. */
export function refusalOf(socket: TLSSocket): string | undefined {
  if (!socket.authorized) return "its certificate was not signed by this host's authority";
  const certificate: PeerCertificate | undefined = socket.getPeerCertificate();
  if (!certificate.ext_key_usage?.includes(CLIENT_AUTH)) return "its certificate is not for clients";
  if (certificate.subject?.CN !== CONTROL_PLANE_NAME) return "its certificate is not the control plane's";
  return undefined;
}
