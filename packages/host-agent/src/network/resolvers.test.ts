import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readResolvers } from "./resolvers.ts";

/** What resolvers are found in files with these texts; `undefined`: no such file. */
async function resolversIn(...texts: readonly (string | undefined)[]): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), "roost-resolvers-"));
  await using _removed = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
  const files = texts.map((_, index) => join(folder, `resolv.${index}.conf`));
  for (const [index, text] of texts.entries()) if (text !== undefined) await writeFile(files[index] ?? "", text);
  return readResolvers(files);
}

test("resolvers are those of resolv.conf, in their order, each once; options and comments are passed over", async () => {
  const text =
    "# nameserver 9.9.9.9\nsearch lan\nnameserver 192.168.1.1\n nameserver\t1.1.1.1 # x\nnameserver 192.168.1.1\noptions edns0\n";
  assert.deepEqual(await resolversIn(text), ["192.168.1.1", "1.1.1.1"]);
});

test("a local forwarder is passed over for the resolvers that it asks itself", async () => {
  assert.deepEqual(await resolversIn("nameserver 127.0.0.53\n", "nameserver 10.0.0.2\nnameserver fe80::1\n"), [
    "10.0.0.2",
  ]);
});

test("a local forwarder that does not say whom it asks is asked itself", async () => {
  assert.deepEqual(await resolversIn("nameserver 127.0.0.1\n", undefined), ["127.0.0.1"]);
});

test("resolvers with IPv6 addresses, nonsense and missing files give none", async () => {
  assert.deepEqual(await resolversIn("nameserver 2606:4700::1111\nnameserver 1.2.3\nnameserver 300.1.1.1\n"), []);
  assert.deepEqual(await resolversIn(undefined, undefined), []);
});
