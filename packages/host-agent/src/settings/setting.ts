/** What a setting is: the text of an environment variable, what it may be, and what it means to the program. */

import { RoostError } from "@roost/protocol/errors";
import { type Static, type TSchema, Type } from "typebox";
import { Value } from "typebox/value";

export interface Setting<T> {
  readonly description: string;
  /** As text, as one would set it; `undefined`: `fallback` says what holds then. */
  readonly default: string | undefined;
  /** What holds when it is not set and has no default. */
  readonly fallback?: string;
  readonly unit?: string;
  /** Its value is never shown. */
  readonly hidden?: true;
  /** What a right value is, to complete "it must be …". */
  readonly mustBe: string;
  /** @throws a RoostError with a sentence of its own, or anything else, when the text is not right. */
  readonly read: (text: string) => T;
}

export type About = Pick<Setting<unknown>, "description" | "default" | "fallback" | "unit">;

/** The setting's value, `undefined` when it is neither set nor has a default. An empty text counts as not set. */
export function readSetting<T>(name: string, setting: Setting<T>, env: NodeJS.ProcessEnv): T | undefined {
  const text = env[name] || setting.default;
  if (text === undefined) return undefined;
  try {
    return setting.read(text);
  } catch (cause) {
    if (cause instanceof RoostError) throw cause;
    const is = setting.hidden === true ? "is not right" : `is ${JSON.stringify(text)}`;
    throw new RoostError("invalid_request", `${name} ${is}: it must be ${setting.mustBe}.`, { cause });
  }
}

export function folder(about: About, longest = 4_000): Setting<string> {
  const schema = Type.String({ pattern: "^/[^\\0]*$", maxLength: longest });
  const mustBe = longest < 4_000 ? `an absolute path of at most ${longest} characters` : "an absolute path";
  return { ...about, mustBe, read: (text) => checked(schema, text) };
}

export function choice<const T extends string>(about: About, values: readonly T[]): Setting<T> {
  const schema = Type.Union(values.map((value) => Type.Literal(value)));
  return { ...about, mustBe: `one of ${values.join(", ")}`, read: (text) => checked(schema, text) as T };
}

export function wholeNumber(about: About, minimum: number, maximum: number): Setting<number> {
  const schema = Type.Integer({ minimum, maximum });
  return {
    ...about,
    mustBe: `a whole number from ${minimum} to ${maximum}`,
    read: (text) => checked(schema, /^\d+$/.test(text) ? Number(text) : text),
  };
}

export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

/** `host:port`; an IPv6 address stands in brackets. */
export function hostAndPort(about: About): Setting<HostAndPort> {
  const port = Type.Integer({ minimum: 0, maximum: 65_535 });
  return {
    ...about,
    mustBe: "an address and a port, such as 127.0.0.1:4701",
    read: (text) => {
      const parts = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/\s]+)):(\d{1,5})$/.exec(text);
      return { host: parts?.[1] ?? checked(Type.String(), parts?.[2]), port: checked(port, Number(parts?.[3])) };
    },
  };
}

/** An http or https URL; clear text only to this very machine, since tokens travel on it. */
export function controlPlaneUrl(about: About): Setting<URL> {
  return {
    ...about,
    mustBe: "an https:// URL, or http:// to a loopback address",
    read: (text) => {
      const url = new URL(text);
      const loopback = url.hostname === "localhost" || url.hostname === "[::1]" || /^127\./.test(url.hostname);
      if (url.protocol !== "https:" && !(url.protocol === "http:" && loopback)) throw new TypeError("neither");
      if (url.search !== "" || url.hash !== "" || url.username !== "") throw new TypeError("more than an address");
      return url;
    },
  };
}

/** A text that is not looked into, and never shown. */
export function secret(about: About): Setting<string> {
  const schema = Type.String({ minLength: 1, maxLength: 1_024 });
  return {
    ...about,
    hidden: true,
    mustBe: "a token of at most 1024 characters",
    read: (text) => checked(schema, text.trim()),
  };
}

function checked<S extends TSchema>(schema: S, value: unknown): Static<S> {
  return Value.Parse(schema, value);
}
