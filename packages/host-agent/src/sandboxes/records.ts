/**
 * What is written down of a sandbox, and read again when an agent starts.
 *
 * - `run/sandbox.json`: what it holds of the machine's resources. Gone after a reboot, like the resources themselves.
 * - `data/spec.json`: what was asked for. `data/ended.json`: why its machine ended.
 *
 * Written to a temporary name and renamed, so a reader sees a whole file or none; never fsynced (see folders.ts).
 */
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Static, type TSchema, Type } from "typebox";
import { Value } from "typebox/value";
import { Fingerprint } from "../generations/generations.ts";

const RunRecord = Type.Object({
  state: Type.Union([
    Type.Literal("starting"),
    Type.Literal("running"),
    Type.Literal("pausing"),
    Type.Literal("resuming"),
    Type.Literal("stopping"),
  ]),
  /** While it is `pausing`: the number of the generation that is being made. */
  generation: Type.Optional(Type.Integer({ minimum: 1 })),
  /** While it is `resuming`: whether its topmost disk layer was made for that, and goes again if it fails. */
  fresh_layer: Type.Optional(Type.Boolean()),
  /** Absent once it was given back: by then it may be another sandbox's. */
  slot: Type.Optional(Type.Integer({ minimum: 0 })),
  /** What envd asks of its callers once it has been told. */
  access_token: Type.String(),
  started_at: Type.Optional(Type.String()),
  /** Of the machine that runs. */
  vmm: Type.Optional(Fingerprint),
});
export type RunRecord = Static<typeof RunRecord>;

const SpecRecord = Type.Object({
  template: Type.String(),
  vcpus: Type.Integer({ minimum: 1 }),
  memory_mb: Type.Integer({ minimum: 1 }),
  internet: Type.Boolean(),
  timeout_sec: Type.Integer({ minimum: 0 }),
  /** Told to its guest again when its disk is booted. */
  env: Type.Record(Type.String(), Type.String()),
  created_at: Type.String(),
  /** The generation that it was made from: while that is its newest, it has never been frozen itself. Absent: it booted. */
  made_from: Type.Optional(
    Type.Object({
      origin: Type.Union([Type.Literal("warm base"), Type.Literal("snapshot")]),
      generation: Type.Integer({ minimum: 1 }),
    }),
  ),
});
export type SpecRecord = Static<typeof SpecRecord>;

const EndRecord = Type.Object({ reason: Type.String(), at: Type.String() });
export type EndRecord = Static<typeof EndRecord>;

export const writeRunRecord = (folder: string, record: RunRecord): Promise<void> =>
  write(join(folder, "sandbox.json"), record);
export const writeSpecRecord = (folder: string, record: SpecRecord): Promise<void> => write(specPath(folder), record);
export const writeEndRecord = (folder: string, record: EndRecord): Promise<void> =>
  write(join(folder, "ended.json"), record);

export const removeEndRecord = (folder: string): Promise<void> => rm(join(folder, "ended.json"), { force: true });

export const readRunRecord = (folder: string): Promise<RunRecord | undefined> =>
  read(join(folder, "sandbox.json"), RunRecord);
export const readSpecRecord = (folder: string): Promise<SpecRecord | undefined> => read(specPath(folder), SpecRecord);
export const readEndRecord = (folder: string): Promise<EndRecord | undefined> =>
  read(join(folder, "ended.json"), EndRecord);

export function specPath(folder: string): string {
  return join(folder, "spec.json");
}

async function write(path: string, record: unknown): Promise<void> {
  const temporary = `${path}.new`;
  await writeFile(temporary, JSON.stringify(record), { mode: 0o600 });
  await rename(temporary, path);
}

/** `undefined` also for a file that a power cut has left empty or torn. */
async function read<T extends TSchema>(path: string, schema: T): Promise<Static<T> | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, "utf8"));
    return Value.Check(schema, value) ? value : undefined;
  } catch {
    return undefined;
  }
}
