/**
 * What is written down of a sandbox, and read again when an agent starts.
 *
 * - `run/sandbox.json`: what it holds of the machine's resources. Gone after a reboot, like the resources themselves.
 * - `data/spec.json`: what was asked for. `data/ended.json`: why its machine ended.
 *
 * Written to a temporary name and renamed, so a reader sees a whole file or none; never fsynced (see folders.ts).
 */
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Static, type TSchema, Type } from "typebox";
import { Value } from "typebox/value";

const RunRecord = Type.Object({
  state: Type.Union([Type.Literal("starting"), Type.Literal("running"), Type.Literal("stopping")]),
  /** Absent once it was given back: by then it may be another sandbox's. */
  slot: Type.Optional(Type.Integer({ minimum: 0 })),
  /** What envd asks of its callers once it has been told. */
  access_token: Type.String(),
  started_at: Type.Optional(Type.String()),
});
export type RunRecord = Static<typeof RunRecord>;

const SpecRecord = Type.Object({
  template: Type.String(),
  vcpus: Type.Integer({ minimum: 1 }),
  memory_mb: Type.Integer({ minimum: 1 }),
  internet: Type.Boolean(),
  created_at: Type.String(),
});
export type SpecRecord = Static<typeof SpecRecord>;

const EndRecord = Type.Object({ reason: Type.String(), at: Type.String() });
export type EndRecord = Static<typeof EndRecord>;

export const writeRunRecord = (folder: string, record: RunRecord): Promise<void> =>
  write(join(folder, "sandbox.json"), record);
export const writeSpecRecord = (folder: string, record: SpecRecord): Promise<void> =>
  write(join(folder, "spec.json"), record);
export const writeEndRecord = (folder: string, record: EndRecord): Promise<void> =>
  write(join(folder, "ended.json"), record);

export const readRunRecord = (folder: string): Promise<RunRecord | undefined> =>
  read(join(folder, "sandbox.json"), RunRecord);
export const readSpecRecord = (folder: string): Promise<SpecRecord | undefined> =>
  read(join(folder, "spec.json"), SpecRecord);
export const readEndRecord = (folder: string): Promise<EndRecord | undefined> =>
  read(join(folder, "ended.json"), EndRecord);

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
