/**
 * Passwords are kept as Argon2id hashes in the PHC string format, which names its own parameters: raising them here leaves
 * old hashes valid.
 *
 * Parameters: OWASP Password Storage Cheat Sheet, Argon2id, second of its equally strong choices (19 MiB, 2 passes, 1 lane);
 * salt and tag lengths: RFC 9106, section 4 (128 and 256 bits).
 */
import { argon2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";

const MEMORY_KIB = 19_456;
const PASSES = 2;
const PARALLELISM = 1;
const SALT_BYTES = 16;
const TAG_BYTES = 32;

const derive = promisify(argon2);

interface Parameters {
  readonly memoryKib: number;
  readonly passes: number;
  readonly parallelism: number;
  readonly salt: Buffer;
  readonly tagBytes: number;
}

function computeTag(password: string, parameters: Parameters): Promise<Buffer> {
  return derive("argon2id", {
    // The same password typed on another keyboard may arrive in another Unicode form.
    message: Buffer.from(password.normalize("NFKC"), "utf8"),
    nonce: parameters.salt,
    parallelism: parameters.parallelism,
    tagLength: parameters.tagBytes,
    memory: parameters.memoryKib,
    passes: parameters.passes,
  });
}

/** Base64 as the PHC string format has it: without padding. */
function encode(bytes: Buffer): string {
  return bytes.toString("base64").replace(/=+$/, "");
}

function format(parameters: Parameters, tag: Buffer): string {
  const { memoryKib, passes, parallelism, salt } = parameters;
  return `$argon2id$v=19$m=${memoryKib},t=${passes},p=${parallelism}$${encode(salt)}$${encode(tag)}`;
}

const PHC = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

function parse(hash: string): { parameters: Parameters; tag: Buffer } {
  const match = PHC.exec(hash);
  if (!match) throw new Error("A stored password hash does not have the form of one.");
  const [, memory, passes, parallelism, salt = "", encodedTag = ""] = match;
  const tag = Buffer.from(encodedTag, "base64");
  const parameters = {
    memoryKib: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    salt: Buffer.from(salt, "base64"),
    tagBytes: tag.length,
  };
  return { parameters, tag };
}

export async function hashPassword(password: string): Promise<string> {
  const parameters = {
    memoryKib: MEMORY_KIB,
    passes: PASSES,
    parallelism: PARALLELISM,
    salt: randomBytes(SALT_BYTES),
    tagBytes: TAG_BYTES,
  };
  return format(parameters, await computeTag(password, parameters));
}

/** A hash that no password has, to compare with when there is no user: it takes the same time to fail. */
const NOBODY = `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=${PARALLELISM}$${encode(Buffer.alloc(SALT_BYTES))}$${encode(Buffer.alloc(TAG_BYTES))}`;

/** Whether this is the password; with no hash (no such user) false, after the same work. */
export async function verifyPassword(password: string, hash: string | undefined): Promise<boolean> {
  const { parameters, tag } = parse(hash ?? NOBODY);
  const same = timingSafeEqual(await computeTag(password, parameters), tag);
  return same && hash !== undefined;
}
