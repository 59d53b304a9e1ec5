/** A running RPC server with an authority of its own, and clients of every kind, for tests. */
import { connect as connectTls, type TLSSocket } from "node:tls";
import { type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { HostAgent } from "@roost/protocol/hostagent";
import { pino } from "pino";
import { hostServerName } from "../../identity/host-identity.ts";
import { IdentityFolder as Folder, type IdentityFolder } from "../../identity/identity-folder.ts";
import { type KeyAndCertificate, TestAuthority } from "../../identity/testing/authority.ts";
import { temporaryFolder } from "../../identity/testing/temporary-folder.ts";
import { type RpcServer, startRpcServer } from "../server.ts";
import { FakeSandboxes } from "./fake-sandboxes.ts";

export const HOST_ID = "host-abcdefghijklmnopqrst";
export const SANDBOX_ID = "sb-abcdefghijklmnopqrst";

export interface RpcRig extends AsyncDisposable {
  readonly authority: TestAuthority;
  readonly identity: IdentityFolder;
  readonly sandboxes: FakeSandboxes;
  readonly server: RpcServer;
  /** Every line that was logged. */
  readonly log: string[];
  /** With the control plane's own certificate. */
  readonly client: Client<typeof HostAgent>;
  /** Cuts the clients' connections below HTTP/2. */
  breakConnections(): void;
  clientWith(credentials: Partial<KeyAndCertificate>, tls?: object): Client<typeof HostAgent>;
}

export async function rpcRig(): Promise<RpcRig> {
  const sockets = new Set<TLSSocket>();
  const clients = new Set<Http2SessionManager>();
  await using resources = new AsyncDisposableStack();
  const folder = resources.use(await temporaryFolder());
  const authority = await TestAuthority.create();
  const identity = await Folder.open(folder.path);
  const certificate = await authority.signHost(HOST_ID, await identity.key.certificateRequest());
  await identity.save({ hostId: HOST_ID, certificate, ca: authority.pem, token: "t", refreshToken: "r" });
  const sandboxes = new FakeSandboxes();
  const log: string[] = [];
  const logger = pino({ level: "debug" }, { write: (line: string) => void log.push(line) });
  const listen = { host: "127.0.0.1", port: 0 };
  const server = resources.use(await startRpcServer({ listen, identity, sandboxes, logger }));
  const { port } = server.address;
  const clientWith: RpcRig["clientWith"] = ({ key, certificate: cert }, tls = {}) => {
    const nodeOptions = {
      createConnection: () => {
        const options = { key, cert, ca: authority.pem, servername: hostServerName(HOST_ID), ALPNProtocols: ["h2"] };
        const socket = connectTls({ host: "127.0.0.1", port, ...options, ...tls });
        sockets.add(socket);
        return socket;
      },
    };
    const sessionManager = new Http2SessionManager(`https://127.0.0.1:${port}`, {}, nodeOptions);
    clients.add(sessionManager);
    return createClient(
      HostAgent,
      createConnectTransport({ baseUrl: `https://127.0.0.1:${port}`, httpVersion: "2", sessionManager }),
    );
  };
  resources.defer(() => {
    for (const sessionManager of clients) sessionManager.abort();
  });
  const control = await authority.issue({ name: "CN=roost:control-plane", purpose: "clientAuth" });
  const client = clientWith(control);
  const owned = resources.move();
  return {
    authority,
    identity,
    sandboxes,
    server,
    log,
    client,
    breakConnections() {
      for (const socket of sockets) socket.destroy();
    },
    clientWith,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
