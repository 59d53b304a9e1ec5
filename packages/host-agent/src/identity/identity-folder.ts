/**
 * `$ROOST_DATA/host/`: where a host's identity is kept.
 *
 * Two files, both 0600: `key.pem`, and `identity.json` with everything the control plane gave. The latter is one file so that a
 * rename changes all of it at once: no crash leaves a token of one moment beside a certificate of another.
 */

import { RoostError } from "@roost/protocol/errors";
import { Type } from "typebox";
import { Value } from "typebox/value";
import { writeDurably } from "./durable-file.ts";
import { type HostIdentity, identityFault } from "./host-identity.ts";
import { HostKey } from "./host-key.ts";
import { openPrivateFolder, readPrivate } from "./private-file.ts";

const IDENTITY_FILE = "identity.json";

const IdentitySchema = Type.Object({
  host_id: Type.String(),
  certificate: Type.String(),
  ca: Type.String(),
  token: Type.String(),
  refresh_token: Type.String(),
});

/** What uses the identity: it may be renewed at any moment. */
export interface IdentitySource {
  readonly key: HostKey;
  readonly current: HostIdentity;
  /** Called after every renewal, until disposed. */
  onChange(listener: () => void): Disposable;
}

export class IdentityFolder implements IdentitySource {
  readonly key: HostKey;
  readonly #path: string;
  readonly #listeners = new Set<() => void>();
  #identity: HostIdentity | undefined;

  private constructor(path: string, key: HostKey, identity: HostIdentity | undefined) {
    this.#path = path;
    this.key = key;
    this.#identity = identity;
  }

  /** Reads and checks what is there; makes the folder and the key when they are not. @throws RoostError `internal` */
  static async open(path: string): Promise<IdentityFolder> {
    await openPrivateFolder(path);
    const key = await HostKey.open(path);
    const text = await readPrivate(path, IDENTITY_FILE);
    const identity = text === undefined ? undefined : parseIdentity(text, key, `${path}/${IDENTITY_FILE}`);
    return new IdentityFolder(path, key, identity);
  }

  get joined(): boolean {
    return this.#identity !== undefined;
  }

  /** Only once this host has joined. */
  get current(): HostIdentity {
    if (this.#identity === undefined) throw new TypeError("this host has not joined yet");
    return this.#identity;
  }

  /** Keeps a new identity; when this resolves it is on disk, and from then on it is the one in use. */
  async save(identity: HostIdentity): Promise<void> {
    const fault = identityFault(identity, this.key);
    if (fault !== undefined) {
      throw new RoostError("internal", `The control plane gave this host an identity that is not whole: ${fault}.`);
    }
    const content = {
      host_id: identity.hostId,
      certificate: identity.certificate,
      ca: identity.ca,
      token: identity.token,
      refresh_token: identity.refreshToken,
    };
    await writeDurably(this.#path, IDENTITY_FILE, `${JSON.stringify(content, undefined, 2)}\n`);
    this.#identity = identity;
    for (const listener of this.#listeners) listener();
  }

  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }
}

function parseIdentity(text: string, key: HostKey, path: string): HostIdentity {
  const content = parseJson(text);
  if (!Value.Check(IdentitySchema, content)) throw brokenIdentity(path, "it does not hold an identity");
  const identity = {
    hostId: content.host_id,
    certificate: content.certificate,
    ca: content.ca,
    token: content.token,
    refreshToken: content.refresh_token,
  };
  const fault = identityFault(identity, key);
  if (fault !== undefined) throw brokenIdentity(path, fault);
  return identity;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function brokenIdentity(path: string, fault: string): RoostError {
  return new RoostError(
    "internal",
    `${path} is broken: ${fault}. Restore it, or remove its folder and join this host anew.`,
  );
}
