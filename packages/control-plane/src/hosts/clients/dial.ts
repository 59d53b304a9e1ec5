/**
 * Opens the TLS connection to a host. A machine without power answers nothing, not even a refusal: the kernel would go on
 * asking it for minutes, while a create could long be on its way to another host.
 */
import { connect, type TLSSocket } from "node:tls";

export interface DialOptions {
  /** What the host's certificate has to be of, and in whose name. */
  readonly ca: string;
  readonly servername: string;
  /** What the control plane shows of itself. */
  readonly cert: string;
  readonly key: string;
  readonly timeoutMs: number;
}

/** For `createConnection` of `node:http2`. */
export function dial(authority: URL, options: DialOptions): TLSSocket {
  const { timeoutMs, ...tls } = options;
  const host = authority.hostname.replace(/^\[|\]$/g, "");
  const port = Number(authority.port || 443);
  const socket = connect({ ...tls, host, port, minVersion: "TLSv1.3", ALPNProtocols: ["h2"] });
  const timer = setTimeout(() => {
    socket.destroy(Object.assign(new Error(`${authority.host} does not answer`), { code: "ETIMEDOUT" }));
  }, timeoutMs);
  socket.once("secureConnect", () => clearTimeout(timer));
  socket.once("close", () => clearTimeout(timer));
  return socket;
}
