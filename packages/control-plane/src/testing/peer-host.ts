/**
 * The other end of the wire for the control plane's own tests: a HostAgent that joins by the real routes, with a real key
 * and certificate request, and serves Connect over HTTP/2 with mutual TLS, to the contract of proto/hostagent. What it runs
 * are no machines, but entries of a map; that the real agent does the same is shown by the stories under tests/.
 */
import { once } from "node:events";
import { createSecureServer, type Http2SecureServer } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { HostAgent } from "@roost/protocol/hostagent";
import { newKeys } from "../hosts/ca/certificates.ts";
import * as x509 from "../hosts/ca/x509.ts";
import type { Api } from "./api.ts";
import { PeerAgent } from "./peer-agent.ts";

export interface PeerOptions {
  readonly memoryMb?: number;
  readonly type?: "regular" | "byoc";
}

export interface PeerHost extends AsyncDisposable {
  readonly id: string;
  readonly address: string;
  readonly agent: PeerAgent;
  token: string;
  refreshToken: string;
  readonly registrationToken: string;
  readonly certificate: string;
  readonly ca: string;
  /** Sends a heartbeat that lists what the agent has. */
  heartbeat(): Promise<{ readonly status: number }>;
  /** As a machine that lost its power: nobody answers at its address any more. */
  goSilent(): Promise<void>;
}

export async function certificateRequest(): Promise<{ csr: string; keyPem: string }> {
  const keys = await newKeys();
  const signingAlgorithm = { name: "ECDSA", hash: "SHA-256" };
  const request = await x509.Pkcs10CertificateRequestGenerator.create({ name: "CN=whatever", keys, signingAlgorithm });
  const pkcs8 = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  const keyPem = x509.PemConverter.encode(pkcs8, x509.PemConverter.PrivateKeyTag);
  return { csr: request.toString("pem"), keyPem };
}

export function machineFacts(address: string, memoryMb = 8192) {
  return {
    address,
    arch: "x86_64",
    cpu_cores: 4,
    memory_mb: memoryMb,
    disk_gb: 100,
    vmm: { name: "peer", version: "1", accelerator: "none" },
    disk_driver: "qcow2",
  };
}

/** Announces a host with this session, and joins as it. */
export async function joinPeer(api: Api, session: string, options: PeerOptions = {}): Promise<PeerHost> {
  const announced = await api.post("/v1/hosts", { session, json: { type: options.type ?? "regular" } });
  const { host, registration_token: registrationToken } = announced.body;
  const agent = new PeerAgent();
  const server = createSecureServer({ requestCert: true, rejectUnauthorized: true, minVersion: "TLSv1.3" });
  const sockets = await listen(server, agent);
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { csr, keyPem } = await certificateRequest();
  const json = { token: registrationToken, csr, ...machineFacts(address, options.memoryMb) };
  const { body: joined } = await api.post("/v1/hosts/register", { json });
  server.setSecureContext({ key: keyPem, cert: joined.certificate, ca: joined.ca });
  const close = () => closeServer(server, sockets);
  const peer: PeerHost = {
    id: host.id,
    address,
    agent,
    token: joined.token,
    refreshToken: joined.refresh_token,
    registrationToken,
    certificate: joined.certificate,
    ca: joined.ca,
    heartbeat() {
      return api.post(`/v1/hosts/${host.id}/heartbeat`, { host: peer.token, json: agent.heartbeat() });
    },
    goSilent: close,
    [Symbol.asyncDispose]: close,
  };
  // Until the first one no sandbox is placed on a host.
  await peer.heartbeat();
  return peer;
}

/** Mutual TLS is the server's; that the peer is the control plane, and not just anyone of our authority, is checked here. */
async function listen(server: Http2SecureServer, agent: PeerAgent): Promise<ReadonlySet<Socket>> {
  const sockets = new Set<Socket>();
  // Not the sessions: the server would wait for a connection that has not become one yet.
  server.on("connection", (socket: Socket) => sockets.add(socket));
  server.on("secureConnection", (socket) => {
    const { subject } = socket.getPeerCertificate();
    if (subject?.CN !== "roost:control-plane") socket.destroy();
  });
  server.on("sessionError", () => {});
  server.on("request", connectNodeAdapter({ routes: (router) => router.service(HostAgent, agent.service()) }));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return sockets;
}

async function closeServer(server: Http2SecureServer, sockets: ReadonlySet<Socket>): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, "close");
  server.close();
  for (const socket of sockets) socket.destroy();
  await closed;
}
