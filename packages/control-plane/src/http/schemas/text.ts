/**
 * Text from outside. PostgreSQL and the kernel's strings hold no NUL character, and half a surrogate pair is no character:
 * both are refused at the door, by schema. Each pattern has words, for the one who gets the 400.
 */
import { type TSchemaOptions, Type } from "typebox";

const PATTERN_WORDS = new Map<string, string>();

function pattern(source: string, words: string): string {
  PATTERN_WORDS.set(source, words);
  return source;
}

/** "must …", for a pattern of this file; undefined for any other. */
export function patternInWords(source: string): string | undefined {
  return PATTERN_WORDS.get(source);
}

const WHOLE_CHARACTERS = pattern("^[^\\ud800-\\udfff]*$", "must be whole Unicode characters");
const NO_NUL = pattern("^[^\\u0000\\ud800-\\udfff]*$", "must be whole Unicode characters without NUL");
const EMAIL = pattern(
  "^[^\\s@\\u0000-\\u001f\\ud800-\\udfff]+@[^\\s@\\u0000-\\u001f\\ud800-\\udfff]+$",
  "must be an email address",
);
const NAME = pattern(
  "^[a-z0-9][a-z0-9-]{0,62}$",
  "must be 1 to 63 lower-case letters, digits and hyphens, the first no hyphen",
);
const ENV_NAME = pattern("^[^=\\u0000\\ud800-\\udfff]+$", "must be a name without “=” and NUL");
const METADATA_NAME = pattern(
  "^[^\\u0000\\ud800-\\udfff]{1,128}$",
  "must be a name of 1 to 128 whole Unicode characters without NUL",
);
const TAG = pattern(
  "^[A-Za-z_][A-Za-z0-9._-]{0,127}$",
  "must be a letter, then letters, digits, dots, hyphens and underscores, 128 at most",
);
const GUEST_PATH = pattern("^[^\\u0000\\ud800-\\udfff]+$", "must not be empty, and be without NUL");
const FOUR_DIGIT_YEAR = pattern("^2\\d{3}-", "must be a time such as 2030-01-31T12:00:00Z");
const HOST_AND_PORT = pattern(
  "^(\\[[0-9a-fA-F:]+\\]|[A-Za-z0-9.-]+):[1-9][0-9]{0,4}$",
  "must be an address and a port, such as 127.0.0.1:4701",
);

interface Lengths extends TSchemaOptions {
  readonly minLength?: number;
  readonly maxLength?: number;
}

/** Any characters, NUL included: what goes to a program's standard input. */
export const AnyText = (options: Lengths = {}) => Type.String({ pattern: WHOLE_CHARACTERS, ...options });
export const Text = (options: Lengths = {}) => Type.String({ pattern: NO_NUL, ...options });
export const Email = (options: Lengths = {}) => Type.String({ pattern: EMAIL, maxLength: 254, ...options });
export const Name = (options: Lengths = {}) => Type.String({ pattern: NAME, ...options });
/** Something secret that was handed out: its form is not told, only that it is looked up. */
export const Token = (options: Lengths = {}) => Text({ minLength: 1, maxLength: 200, ...options });
/** A path in a sandbox; a relative one begins at the user's home, and so does `~`. */
export const GuestPath = (options: Lengths = {}) => Type.String({ pattern: GUEST_PATH, maxLength: 4096, ...options });
/** A name for a process; never a number. */
export const Tag = (options: Lengths = {}) => Type.String({ pattern: TAG, ...options });
export const HostAndPort = (options: Lengths = {}) =>
  Type.String({ pattern: HOST_AND_PORT, maxLength: 255, ...options });

/** Names, each fitting a pattern, and texts. */
export const Texts = (namePattern: string, text: ReturnType<typeof Text>, options: TSchemaOptions = {}) =>
  Type.Record(Type.String(), text, { propertyNames: { pattern: namePattern }, ...options });

/** Environment variables. */
export const Environment = (options: TSchemaOptions = {}) => Texts(ENV_NAME, Text(), options);

/** Names and texts of one's own. */
export const Metadata = (options: TSchemaOptions = {}) => Texts(METADATA_NAME, Text({ maxLength: 1024 }), options);

/** A time, RFC 3339 in UTC. */
export const Time = (options: TSchemaOptions = {}) => Type.String({ format: "date-time", ...options });

/** A time that somebody sends; PostgreSQL knows no year 10000, and nobody means a year below 2000. */
export const FutureTime = (options: TSchemaOptions = {}) => Time({ pattern: FOUR_DIGIT_YEAR, ...options });

export const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()]);
