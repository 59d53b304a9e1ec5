/** Signals, as the API names them. */
import type * as wire from "./gen/wire.ts";

/** By name, or by number. */
export type SignalName = Extract<wire.ExecStreamRequest, { readonly type: "signal" }>["signal"];

/** A process of a sandbox, by its number or by its tag. */
export type ProcessName = { readonly pid: number } | { readonly tag: string };
