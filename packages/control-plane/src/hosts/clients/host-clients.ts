/**
 * One client per host, made when first needed and dropped when the host goes. A client is one HTTP/2 connection with
 * mutual TLS: the host must show a certificate of our authority in its own name, and gets to see the control plane's.
 */
import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import { type Client, createClient, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { HostAgent } from "@roost/protocol/hostagent";
import type { CertificateAuthority, ClientIdentity } from "../ca/authority.ts";
import { hostServerName } from "../ca/certificates.ts";
import { dial } from "./dial.ts";

export type HostAgentClient = Client<typeof HostAgent>;

/** Where a host is to be found. */
export interface HostTarget {
  readonly id: string;
  /** `name:port` or `address:port`, as the host gave it when it joined. */
  readonly address: string;
}

/** An exec answer holds at most 64 MiB of output (ROOST_EXEC_OUTPUT_LIMIT_BYTES), and a little around it. */
const READ_MAX_BYTES = 66 * 1024 * 1024;
/** A host that is gone is noticed within this while a call waits. */
const PING_INTERVAL_MS = 15_000;
const PING_TIMEOUT_MS = 10_000;
const DIAL_TIMEOUT_MS = 10_000;
/** What may be under way of one answer, and of all of a host: the rest waits there. Too little, and every piece waits for a way there and back. */
const STREAM_WINDOW_BYTES = 512 * 1024;
const SESSION_WINDOW_BYTES = 16 * 1024 * 1024;

interface Entry {
  readonly address: string;
  readonly identity: ClientIdentity;
  readonly sessions: Http2SessionManager;
  readonly client: HostAgentClient;
}

/** Connections on which many answers can be under way at once. */
class WideSessions extends Http2SessionManager {
  readonly #widened = new WeakSet<ClientHttp2Session>();

  override async request(...args: Parameters<Http2SessionManager["request"]>): Promise<ClientHttp2Stream> {
    const stream = await super.request(...args);
    const session = stream.session as ClientHttp2Session | undefined;
    if (session && !this.#widened.has(session)) {
      this.#widened.add(session);
      session.setLocalWindowSize(SESSION_WINDOW_BYTES);
    }
    return stream;
  }
}

export class HostClients implements Disposable {
  readonly #authority: CertificateAuthority;
  readonly #interceptors: Interceptor[];
  readonly #dialTimeoutMs: number;
  readonly #entries = new Map<string, Entry>();
  /** Replaced by a newer entry, still carrying calls that began before. They close by themselves once idle. */
  readonly #retired = new Set<Http2SessionManager>();

  constructor(authority: CertificateAuthority, interceptors: Interceptor[] = [], dialTimeoutMs = DIAL_TIMEOUT_MS) {
    this.#authority = authority;
    this.#interceptors = interceptors;
    this.#dialTimeoutMs = dialTimeoutMs;
  }

  async get(host: HostTarget): Promise<HostAgentClient> {
    const identity = await this.#authority.clientIdentity();
    const present = this.#entries.get(host.id);
    if (present?.address === host.address && present.identity === identity) return present.client;
    if (present) this.#retire(present);
    const entry = this.#connect(host, identity);
    this.#entries.set(host.id, entry);
    return entry.client;
  }

  /** Ends the connection and all calls on it. */
  drop(hostId: string): void {
    this.#entries.get(hostId)?.sessions.abort();
    this.#entries.delete(hostId);
  }

  [Symbol.dispose](): void {
    for (const hostId of [...this.#entries.keys()]) this.drop(hostId);
    for (const sessions of this.#retired) sessions.abort();
    this.#retired.clear();
  }

  #retire(entry: Entry): void {
    for (const sessions of this.#retired) {
      if (sessions.state() === "closed" || sessions.state() === "error") this.#retired.delete(sessions);
    }
    this.#retired.add(entry.sessions);
  }

  #connect(host: HostTarget, identity: ClientIdentity): Entry {
    const baseUrl = `https://${host.address}`;
    const options = {
      ca: this.#authority.certificatePem,
      cert: identity.certificatePem,
      key: identity.keyPem,
      servername: hostServerName(host.id),
      timeoutMs: this.#dialTimeoutMs,
    };
    const pings = { pingIntervalMs: PING_INTERVAL_MS, pingTimeoutMs: PING_TIMEOUT_MS };
    const sessions = new WideSessions(baseUrl, pings, {
      createConnection: (authority) => dial(authority, options),
      settings: { initialWindowSize: STREAM_WINDOW_BYTES, enablePush: false },
    });
    const transport = createConnectTransport({
      httpVersion: "2",
      baseUrl,
      sessionManager: sessions,
      readMaxBytes: READ_MAX_BYTES,
      // Hosts are near, and what a compressed answer unfolds to is known too late.
      acceptCompression: [],
      interceptors: this.#interceptors,
    });
    return { address: host.address, identity, sessions, client: createClient(HostAgent, transport) };
  }
}
