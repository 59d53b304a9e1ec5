/** The host's private key: made here, kept in `key.pem`, never sent anywhere. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { RoostError } from "@roost/protocol/errors";
import { makeRequest } from "./certificate-request.ts";
import { writeDurably } from "./durable-file.ts";
import { readPrivate } from "./private-file.ts";

const KEY_FILE = "key.pem";
const CURVE = "P-256";

export class HostKey {
  readonly #key: KeyObject;

  private constructor(key: KeyObject) {
    this.#key = key;
  }

  /** The key of this folder; a new one when it has none. */
  static async open(folder: string): Promise<HostKey> {
    const kept = await readPrivate(folder, KEY_FILE);
    if (kept !== undefined) return new HostKey(parseKey(kept, folder));
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: CURVE });
    const key = new HostKey(privateKey);
    await writeDurably(folder, KEY_FILE, key.pem);
    return key;
  }

  get pem(): string {
    return this.#key.export({ type: "pkcs8", format: "pem" }).toString();
  }

  get private(): KeyObject {
    return this.#key;
  }

  /** A PKCS #10 certificate request (PEM) for this key. Of it the control plane uses the key alone. */
  async certificateRequest(): Promise<string> {
    return await makeRequest(this.#key, createPublicKey(this.#key));
  }
}

function parseKey(pem: string, folder: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === "ec" && key.asymmetricKeyDetails?.namedCurve === "prime256v1") return key;
  } catch {
    // Said below; the parser's own words would help nobody.
  }
  throw new RoostError(
    "internal",
    `${folder}/${KEY_FILE} is not an EC P-256 key. Restore it, or remove the folder and join this host anew.`,
  );
}
