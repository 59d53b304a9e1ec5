import assert from "node:assert/strict";
import { link, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { CommandError, type CommandRunner } from "../commands/run.ts";
import { IntactGenerations } from "./generations.ts";

const NEVER = new AbortController().signal;
const MANIFEST = { files: [{ name: "vmstate", size: 5 }] };

async function bench() {
  const folder = await mkdtemp(join(tmpdir(), "roost-intact-"));
  await writeFile(join(folder, "vmstate"), "state");
  const verified: string[] = [];
  let fault: string | undefined;
  const run: CommandRunner = async ([program, ...args]) => {
    verified.push(args.join(" "));
    if (fault !== undefined) throw new CommandError(program, "ended", { status: 1, stdout: `${fault}\nmore\n` });
    return { stdout: "", stderr: "" };
  };
  return {
    folder,
    verified,
    intact: new IntactGenerations("/bin/roost-keeper", run),
    damage: (words: string) => {
      fault = words;
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

test("a generation is read once, and one that was written in this life not at all", async () => {
  await using b = await bench();
  assert.equal(await b.intact.faultOf(b.folder, MANIFEST, NEVER), undefined);
  assert.equal(await b.intact.faultOf(b.folder, MANIFEST, NEVER), undefined);
  assert.deepEqual(b.verified, [`verify ${b.folder}`]);
  await using other = await bench();
  await other.intact.trust(other.folder, MANIFEST);
  assert.equal(await other.intact.faultOf(other.folder, MANIFEST, NEVER), undefined);
  assert.deepEqual(other.verified, []);
});

test("its files are known by other names, too", async () => {
  await using b = await bench();
  await b.intact.trust(b.folder, MANIFEST);
  const clone = join(b.folder, "clone");
  await mkdir(clone);
  await link(join(b.folder, "vmstate"), join(clone, "vmstate"));
  assert.equal(await b.intact.faultOf(clone, MANIFEST, NEVER), undefined);
  assert.deepEqual(b.verified, []);
});

test("one whose file was changed, cut or taken away since is read again, each time it is asked for, and its fault told", async () => {
  const spoil = [
    (path: string) => writeFile(path, "stats"),
    (path: string) => writeFile(path, "st"),
    (path: string) => rm(path),
  ];
  for (const spoilIt of spoil) {
    await using b = await bench();
    await b.intact.trust(b.folder, MANIFEST);
    await spoilIt(join(b.folder, "vmstate"));
    b.damage("vmstate: not what it was");
    assert.equal(await b.intact.faultOf(b.folder, MANIFEST, NEVER), "vmstate: not what it was");
    assert.equal(await b.intact.faultOf(b.folder, MANIFEST, NEVER), "vmstate: not what it was");
    assert.equal(b.verified.length, 2);
  }
});

test("a verifier that does not work is an error, not an answer", async () => {
  await using b = await bench();
  const failing: CommandRunner = ([program]) =>
    Promise.reject(new CommandError(program, "was killed", { status: null }));
  await assert.rejects(new IntactGenerations("k", failing).faultOf(b.folder, MANIFEST, NEVER), CommandError);
});
