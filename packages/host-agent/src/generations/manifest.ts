/** `manifest.json`: what a generation consists of, and what a machine must have to wake it. */
import { readFile } from "node:fs/promises";
import { RoostError } from "@roost/protocol/errors";
import { type Static, Type } from "typebox";
import { Value } from "typebox/value";
import { generationFiles } from "./layout.ts";

const ManifestFile = Type.Object({
  /** Relative to the generation's folder. */
  name: Type.String({ pattern: "^[a-z0-9][a-z0-9./-]*$" }),
  size: Type.Integer({ minimum: 0 }),
  /** BLAKE3, hexadecimal. Disk layers have none: to read them whole would cost more than the pause. */
  checksum: Type.Optional(Type.String({ pattern: "^[0-9a-f]{64}$" })),
});

/** What has frozen a machine: its VMM's fingerprint. */
export const Fingerprint = Type.Object({
  name: Type.Union([Type.Literal("qemu"), Type.Literal("firecracker")]),
  version: Type.String(),
  accelerator: Type.Union([Type.Literal("kvm"), Type.Literal("tcg")]),
  machine: Type.String(),
  cpu: Type.String(),
  tscKhz: Type.Union([Type.Integer(), Type.Null()]),
});

const Manifest = Type.Object({
  version: Type.Literal(1),
  /** How many generations its line has, itself included. */
  generation: Type.Integer({ minimum: 1 }),
  created_at: Type.String(),
  /** Name of the base image that it began with. */
  image: Type.String(),
  vcpus: Type.Integer({ minimum: 1 }),
  memory_mb: Type.Integer({ minimum: 1 }),
  /** The guest's kernel, for people: it runs on in memory, so none is needed to wake it. */
  kernel: Type.String(),
  vmm: Fingerprint,
  disk: Type.Object({
    driver: Type.Union([Type.Literal("qcow2"), Type.Literal("device-mapper")]),
    size_bytes: Type.Integer({ minimum: 1 }),
    /** Frozen layers over the base image: `disk/0.qcow2`, the lowest, to `disk/<layers - 1>.qcow2`. */
    layers: Type.Integer({ minimum: 0 }),
  }),
  files: Type.Array(ManifestFile),
});
export type Manifest = Static<typeof Manifest>;
export type ManifestFile = Static<typeof ManifestFile>;

/** @throws RoostError `not_found` when there is no generation, `internal` when its manifest is not one. */
export async function readManifest(folder: string): Promise<Manifest> {
  const { manifest: path } = generationFiles(folder);
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new RoostError("not_found", `There is no generation in ${folder}.`, { cause });
  });
  try {
    return Value.Parse(Manifest, JSON.parse(text));
  } catch (cause) {
    throw new RoostError("internal", `The generation in ${folder} cannot be used: its manifest is damaged.`, { cause });
  }
}
