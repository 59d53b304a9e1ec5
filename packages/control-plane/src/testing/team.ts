/** A team with hosts of its own (byoc), so that tests that share a control plane do not use each other's. */
import assert from "node:assert/strict";
import type { Member, TestControlPlane } from "./control-plane.ts";
import { joinPeer, type PeerHost } from "./peer-host.ts";

export interface TeamWithHosts extends AsyncDisposable {
  readonly member: Member;
  readonly peers: readonly PeerHost[];
  /** The first of them. */
  readonly peer: PeerHost;
  /** Makes a sandbox that runs, and gives back its id. */
  create(json?: object): Promise<string>;
}

export async function teamWithHosts(plane: TestControlPlane, count = 1, memoryMb = 8192): Promise<TeamWithHosts> {
  const { api } = plane;
  const member = await plane.newMember();
  await using stack = new AsyncDisposableStack();
  const peers: PeerHost[] = [];
  for (let made = 0; made < count; made++) {
    peers.push(stack.use(await joinPeer(api, member.session, { type: "byoc", memoryMb })));
  }
  const [peer = assert.fail("at least one host is needed")] = peers;
  const resources = stack.move();
  return {
    member,
    peers,
    peer,
    async create(json = {}) {
      const made = await api.post("/v1/sandboxes", { key: member.key, json });
      assert.equal(made.status, 201, JSON.stringify(made.body));
      return made.body.id;
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
