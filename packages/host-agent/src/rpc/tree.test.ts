import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { lstat, mkdir, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { FileType } from "@roost/protocol/hostagent";
import { realGuest } from "../envd-client/testing/real-guest.ts";
import { temporaryFolder } from "../identity/testing/temporary-folder.ts";
import { rpcRig, SANDBOX_ID } from "./testing/rpc-rig.ts";
import { says } from "./testing/says.ts";

async function scene() {
  await using stack = new AsyncDisposableStack();
  const rig = stack.use(await rpcRig());
  const guest = stack.use(await realGuest());
  const folder = stack.use(await temporaryFolder());
  rig.sandboxes.envd = guest.client;
  const owned = stack.move();
  const target = (name: string, user = "") => ({ sandboxId: SANDBOX_ID, path: join(folder.path, name), user });
  return {
    rig,
    client: rig.client,
    path: folder.path,
    target,
    user: guest.user,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

suite("R8, R6: the files' tree over RPC", () => {
  test("what is there is described", async () => {
    await using at = await scene();
    await writeFile(join(at.path, "ü file"), "words", { mode: 0o640 });
    await utimes(join(at.path, "ü file"), 1_700_000_000, 1_700_000_000);
    const { entry } = await at.client.statFile({ target: at.target("ü file") });
    assert.equal(entry?.name, "ü file");
    assert.equal(entry?.path, join(at.path, "ü file"));
    assert.equal(entry?.type, FileType.FILE);
    assert.equal(entry?.sizeBytes, 5n);
    assert.equal(entry && entry.mode & 0o777, 0o640);
    assert.equal(entry?.owner, at.user);
    assert.ok(entry?.modifiedAt);
    assert.equal(timestampDate(entry.modifiedAt).getTime(), 1_700_000_000_000);
    assert.equal(entry.symlinkTarget, undefined);
  });

  test("a link says where it leads; a time beyond all years is the last that can be told", async () => {
    await using at = await scene();
    await writeFile(join(at.path, "file"), "");
    await symlink(join(at.path, "file"), join(at.path, "link"));
    await utimes(join(at.path, "file"), 2 ** 33 * 100, 2 ** 33 * 100);
    const { entry } = await at.client.statFile({ target: at.target("link") });
    assert.equal(entry?.symlinkTarget, join(at.path, "file"));
    assert.ok(entry?.modifiedAt);
    assert.doesNotThrow(() => entry.modifiedAt && timestampDate(entry.modifiedAt).toISOString());
  });

  test("folders are made, listed to a depth, moved and removed", async () => {
    await using at = await scene();
    const made = await at.client.makeDirectory({ target: at.target("a/b/c") });
    assert.equal(made.entry?.type, FileType.DIRECTORY);
    await writeFile(join(at.path, "a/b/file"), "x");
    const names = async (depth: number): Promise<string[]> => {
      const { entries } = await at.client.listFiles({ target: at.target("a"), depth });
      return entries.map(({ path }) => path.slice(at.path.length + 1));
    };
    assert.deepEqual(await names(0), ["a/b"]);
    assert.deepEqual(await names(2), ["a/b", "a/b/c", "a/b/file"]);
    const moved = await at.client.moveFile({ target: at.target("a/b/file"), destination: join(at.path, "x/y") });
    assert.equal(moved.entry?.path, join(at.path, "x/y"));
    await at.client.removeFile({ target: at.target("a") });
    await at.client.removeFile({ target: at.target("a") });
    assert.equal(existsSync(join(at.path, "a")), false);
    assert.ok((await lstat(join(at.path, "x/y"))).isFile());
  });

  test("a folder of thousands is listed in one answer", async () => {
    await using at = await scene();
    const count = 3000;
    await Promise.all(Array.from({ length: count }, (_, index) => writeFile(join(at.path, `file ${index}`), "")));
    assert.equal((await at.client.listFiles({ target: at.target("") })).entries.length, count);
  });

  test("what is missing, there already, no folder, or for an unknown user is told as that", async () => {
    await using at = await scene();
    await mkdir(join(at.path, "folder"));
    await writeFile(join(at.path, "file"), "");
    await assert.rejects(at.client.statFile({ target: at.target("none") }), says(Code.NotFound, /none/));
    await assert.rejects(at.client.listFiles({ target: at.target("none") }), says(Code.NotFound));
    await assert.rejects(at.client.makeDirectory({ target: at.target("folder") }), says(Code.AlreadyExists));
    await assert.rejects(at.client.listFiles({ target: at.target("file") }), says(Code.InvalidArgument));
    const stranger = at.target("folder", "nobody-here");
    await assert.rejects(at.client.makeDirectory({ target: stranger }), says(Code.InvalidArgument, /nobody-here/));
    const noPath = { ...at.target("x"), path: "" };
    await assert.rejects(at.client.removeFile({ target: noPath }), says(Code.InvalidArgument));
    await assert.rejects(
      at.client.moveFile({ target: at.target("file"), destination: "" }),
      says(Code.InvalidArgument, /empty/),
    );
    assert.equal(at.rig.sandboxes.uses, 0);
  });
});
