/** What the kernel's nftables holds, as `nft -j` tells it: the few facts that are of interest here. */
import { type TSchema, Type } from "typebox";
import { Value } from "typebox/value";
import type { CommandRunner } from "../commands/run.ts";
import { kernelRefused } from "./kernel-refused.ts";

export interface ListedChain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  /** Where the kernel calls it; `undefined` for one that only other chains jump to. */
  readonly hook: string | undefined;
  readonly policy: string | undefined;
}

export interface ListedRule {
  readonly handle: number;
  readonly comment: string | undefined;
  /** Its matches and verdict, each an object with one key: `match`, `counter`, `accept`, `drop`, `reject`, `jump` … */
  readonly expressions: readonly Readonly<Record<string, unknown>>[];
}

const Chains = listing({
  chain: Type.Object({
    family: Type.String(),
    table: Type.String(),
    name: Type.String(),
    hook: Type.Optional(Type.String()),
    policy: Type.Optional(Type.String()),
  }),
});

const Prefix = Type.Object({ prefix: Type.Object({ addr: Type.String(), len: Type.Integer() }) });
const Sets = listing({ set: Type.Object({ elem: Type.Optional(Type.Array(Type.Unknown())) }) });

const Rules = listing({
  rule: Type.Object({
    handle: Type.Integer(),
    comment: Type.Optional(Type.String()),
    expr: Type.Array(Type.Record(Type.String(), Type.Unknown())),
  }),
});

/** All chains of all tables. */
export async function listChains(run: CommandRunner): Promise<readonly ListedChain[]> {
  const found = (await list(run, Chains, { chains: null })).map(({ chain }) => chain);
  return found.flatMap((chain) => (chain === undefined ? [] : [{ hook: undefined, policy: undefined, ...chain }]));
}

/** The networks, in the usual notation, that a set of family inet holds. */
export async function listNetworks(run: CommandRunner, table: string, set: string): Promise<readonly string[]> {
  const elements = (await list(run, Sets, { set: { family: "inet", table, name: set } })).flatMap(
    ({ set }) => set?.elem ?? [],
  );
  return elements.flatMap((element) =>
    Value.Check(Prefix, element) ? [`${element.prefix.addr}/${element.prefix.len}`] : [],
  );
}

/** The rules of a chain, in their order. */
export async function listRules(run: CommandRunner, chain: ListedChain): Promise<readonly ListedRule[]> {
  const { family, table, name } = chain;
  const found = (await list(run, Rules, { chain: { family, table, name } })).map(({ rule }) => rule);
  return found.flatMap((rule) =>
    rule === undefined ? [] : [{ handle: rule.handle, comment: rule.comment, expressions: rule.expr }],
  );
}

/** nft's answers are arrays of objects of several kinds, each under the name of its kind. */
function listing<T extends Record<string, TSchema>>(kinds: T) {
  return Type.Object({ nftables: Type.Array(Type.Partial(Type.Object(kinds))) });
}

/**
 * Asked in JSON, where a name may be any text: others' tables may be called what to nft's own language is a keyword ("rules").
 * @throws RoostError `internal`
 */
async function list<T extends Record<string, TSchema>>(
  run: CommandRunner,
  kinds: ReturnType<typeof listing<T>>,
  what: object,
) {
  try {
    const { stdout } = await run(["nft", "-j", "-a", JSON.stringify({ nftables: [{ list: what }] })]);
    return Value.Parse(kinds, JSON.parse(stdout)).nftables;
  } catch (error) {
    throw kernelRefused("read this machine's firewall tables", error);
  }
}
