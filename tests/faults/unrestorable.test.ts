/**
 * A frozen moment that this machine cannot restore is refused with the reason, and left as it is: made right again, it wakes. Of a
 * sandbox's own generation, and of a snapshot that a sandbox is to be made from.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  createSandbox,
  destroySandbox,
  freezeSandbox,
  keepSnapshot,
  type Parts,
  type RunningSandbox,
  reconcile,
  resumeSandbox,
} from "@roost/host-agent/testing";
import { newId } from "@roost/protocol/ids";
import { machineState } from "../machine-state/machine-state.ts";
import { type FaultsGround, openFaultsGround, smallSpec } from "./faults-ground.ts";
import { sh } from "./guest-shell.ts";

const NEVER = new AbortController().signal;

/** What is done to which of the generation's files, and what a person is told. */
interface Damage {
  readonly what: string;
  readonly file: RegExp;
  /** Of the files that are meant, by name, which. */
  readonly which?: number;
  /** `undefined`: it is taken away. */
  readonly spoil: (content: Buffer) => Buffer | undefined;
  readonly told: RegExp;
}

const LAYER = /\.layer$/;
const DAMAGES: readonly Damage[] = [
  {
    what: "another VMM's version",
    file: /^manifest\.json$/,
    spoil: (text) => Buffer.from(text.toString().replace(/("vmm":.*?"version":")[^"]*/, "$10.1")),
    told: /QEMU 0\.1, which froze it, is not kept on this host/,
  },
  {
    what: "another machine",
    file: /^manifest\.json$/,
    spoil: (text) => Buffer.from(text.toString().replace("microvm-", "macrovm-")),
    told: /its devices \(macrovm-.*are not those of now/,
  },
  { what: "a missing layer", file: LAYER, which: 0, spoil: () => undefined, told: /\.layer: No such file/ },
  { what: "another missing layer", file: LAYER, which: 1, spoil: () => undefined, told: /\.layer: No such file/ },
  {
    what: "a layer that was cut",
    file: LAYER,
    which: 0,
    spoil: (pages) => pages.subarray(4096),
    told: /\.layer: it has/,
  },
  { what: "a byte of a layer", file: LAYER, which: 0, spoil: flipAByte, told: /\.layer: its checksum is not/ },
  { what: "a byte of another layer", file: LAYER, which: 1, spoil: flipAByte, told: /\.layer: its checksum is not/ },
  { what: "a byte of the map", file: /^memory\.map$/, spoil: flipAByte, told: /memory\.map: / },
  { what: "a byte of the device state", file: /^vmstate$/, spoil: flipAByte, told: /vmstate: its checksum is not/ },
  {
    what: "a missing layer of its disk",
    file: /^disk\/0\.qcow2$/,
    spoil: () => undefined,
    told: /0\.qcow2: No such file/,
  },
];

describe("a generation that cannot be restored here", () => {
  let ground: FaultsGround;
  let parts: Parts;
  const spec = smallSpec();
  const snapshotId = newId("template", randomBytes);
  let running: RunningSandbox | undefined;
  let own: string;
  let snapshot: string;

  before(async () => {
    ground = await openFaultsGround();
    parts = ground.parts;
    running = await createSandbox(parts, spec, new Date(), NEVER);
    await pause();
    running = await resumeSandbox(parts, spec.id, "memory", NEVER);
    await sh(running, "echo kept > /dev/shm/kept; head -c 3000000 /dev/urandom > /dev/shm/random");
    await pause();
    const generations = join(parts.roots.data, spec.id, "generations");
    own = join(generations, (await readdir(generations))[0] ?? "");
    await keepSnapshot(parts, { id: snapshotId, sandbox: spec.id, generation: own });
    snapshot = join(parts.roots.generations, snapshotId);
  });

  after(async () => {
    if (ground) await destroySandbox(parts, spec.id, running);
    await ground?.[Symbol.asyncDispose]();
  });

  async function pause(): Promise<void> {
    assert(running);
    const { free } = await freezeSandbox(parts, spec.id, running, NEVER);
    await free();
    await parts.slots.settled();
    running = undefined;
  }

  for (const { what, file, which = 0, spoil, told } of DAMAGES) {
    test(`${what}: refused with the reason, and intact`, async () => {
      const name = (await files(own)).filter((name) => file.test(name))[which];
      assert(name, "there is such a file");
      await using _ = await damage([join(own, name), join(snapshot, name)], spoil, dirname(parts.roots.data));
      const atRest = [await machineState(ground.scope), await facts(own), await facts(snapshot)];
      const refused = { name: "RoostError", code: "conflict", message: told };
      await assert.rejects(resumeSandbox(parts, spec.id, "memory", NEVER), refused);
      const copy = { ...smallSpec(), snapshotId };
      await assert.rejects(createSandbox(parts, copy, new Date(), NEVER), refused);
      assert.deepEqual([await machineState(ground.scope), await facts(own), await facts(snapshot)], atRest);
    });
  }

  test("made right again it wakes, and its copy, too", async () => {
    running = await resumeSandbox(parts, spec.id, "memory", NEVER);
    assert.equal(await sh(running, "cat /dev/shm/kept"), "kept\n");
    const copy = { ...smallSpec(), snapshotId };
    const copied = await createSandbox(parts, copy, new Date(), NEVER);
    assert.equal(await sh(copied, "cat /dev/shm/kept"), "kept\n");
    await destroySandbox(parts, copy.id, copied);
  });

  test("frozen by an agent that has another VMM by now, it is known as what its own VMM froze", async () => {
    running?.machine[Symbol.dispose](); // As an agent that ends lets go of it.
    parts.admission.release(spec.id);
    const later = { ...parts, vmm: newerThan(parts.vmm) };
    const [found] = await reconcile(later);
    assert(found?.state === "running");
    const { free } = await freezeSandbox(later, spec.id, found.running, NEVER);
    await free();
    running = await resumeSandbox(parts, spec.id, "memory", NEVER);
    assert.equal(await sh(running, "cat /dev/shm/kept"), "kept\n");
  });
});

/** The same VMM, of a version that is not kept here. */
function newerThan(vmm: Parts["vmm"]): Parts["vmm"] {
  return {
    description: { ...vmm.description, version: "99.0" },
    fingerprint: { ...vmm.fingerprint, version: "99.0" },
    kernelVersion: vmm.kernelVersion,
    overheadMb: vmm.overheadMb,
    bootIdentity: () => vmm.bootIdentity(),
    cannotWake: (fingerprint) => vmm.cannotWake(fingerprint),
    start: (...how) => vmm.start(...how),
    adopt: (folders) => vmm.adopt(folders),
    stop: (folders) => vmm.stop(folders),
    readEnd: (folders) => vmm.readEnd(folders),
  };
}

async function files(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return paths.map((path) => path.slice(folder.length + 1)).sort();
}

/** What cannot stay the same when a file is written. */
async function facts(folder: string): Promise<string[]> {
  const describe = async (name: string): Promise<string> => {
    const { ino, size, mtimeNs } = await stat(join(folder, name), { bigint: true });
    return `${name} ${ino} ${size} ${mtimeNs}`;
  };
  return await Promise.all((await files(folder)).map(describe));
}

function flipAByte(content: Buffer): Buffer {
  const at = Math.floor(content.length / 2);
  content[at] = (content[at] ?? 0) ^ 1;
  return content;
}

/** Until it is disposed of, others stand in the places of these files. */
async function damage(paths: readonly string[], spoil: Damage["spoil"], keptIn: string): Promise<AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  for (const [index, path] of paths.entries()) {
    const kept = join(keptIn, `kept-${index}`);
    await rename(path, kept);
    stack.defer(() => rename(kept, path));
    const content = spoil(await readFile(kept));
    if (content) await writeFile(path, content, { mode: 0o444 });
  }
  return stack.move();
}
