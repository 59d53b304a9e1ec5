/**
 * A host for tests of streams: the real agent's RPC server, before the real guest agent as a plain process of this machine. Only the
 * machine between the two is missing: whatever sandbox is made on it is that one guest.
 */
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeSandboxes, IdentityFolder, type RealGuest, realGuest, startRpcServer } from "@roost/host-agent/testing";
import { pino } from "pino";
import type { Member, TestControlPlane } from "./control-plane.ts";
import { machineFacts } from "./peer-host.ts";

export interface GuestHost extends AsyncDisposable {
  readonly guest: RealGuest;
  readonly sandboxes: FakeSandboxes;
  readonly member: Member;
  /** A sandbox on it, running. */
  readonly id: string;
  /** A folder of this machine, and so of the guest. */
  readonly folder: string;
  /** Ends the agent, as a stop of it does. */
  stopAgent(): Promise<void>;
}

export async function guestHost(plane: TestControlPlane): Promise<GuestHost> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "roost-streams-"));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const guest = stack.use(await realGuest());
  const { api } = plane;
  const member = await plane.newMember();
  const announced = await api.post("/v1/hosts", { session: member.session, json: { type: "byoc" } });
  const identity = await IdentityFolder.open(join(folder, "identity"));
  const port = await freePort();
  const facts = machineFacts(`127.0.0.1:${port}`);
  const csr = await identity.key.certificateRequest();
  const json = { token: announced.body.registration_token, csr, ...facts };
  const { body: joined } = await api.post("/v1/hosts/register", { json });
  const { certificate, ca, token, refresh_token: refreshToken } = joined;
  await identity.save({ hostId: joined.host.id, certificate, ca, token, refreshToken });
  const sandboxes = new FakeSandboxes();
  sandboxes.envd = guest.client;
  const listen = { host: "127.0.0.1", port };
  const server = stack.use(await startRpcServer({ listen, identity, sandboxes, logger: pino({ level: "silent" }) }));
  const load = { sandboxes: 0, vcpus: 0, memory_mb: 0, disk_free_mb: 50_000 };
  await api.post(`/v1/hosts/${joined.host.id}/heartbeat`, { host: token, json: { load, sandboxes: [] } });
  const made = await api.post("/v1/sandboxes", { key: member.key, json: {} });
  if (made.status !== 201) throw new Error(`no sandbox: ${JSON.stringify(made.body)}`);
  const owned = stack.move();
  return {
    guest,
    sandboxes,
    member,
    id: made.body.id,
    folder,
    async stopAgent() {
      await server[Symbol.asyncDispose]();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** One that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
