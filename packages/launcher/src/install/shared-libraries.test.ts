import assert from "node:assert/strict";
import { test } from "node:test";
import { librariesIn, sharedLibraries } from "./shared-libraries.ts";

test("libraries and loader are read from ldd, what the kernel provides is not", () => {
  const listing = `	linux-vdso.so.1 (0x00007ffe0a5c2000)
	libpixman-1.so.0 => /lib/x86_64-linux-gnu/libpixman-1.so.0 (0x00007f5d1c9f2000)
	/lib64/ld-linux-x86-64.so.2 (0x00007f5d1d5a3000)
`;
  assert.deepEqual(librariesIn(listing), ["/lib/x86_64-linux-gnu/libpixman-1.so.0", "/lib64/ld-linux-x86-64.so.2"]);
});

test("a library that is not on the machine is an error, not left out", () => {
  assert.throws(() => librariesIn("	libgone.so.1 => not found\n"), /libgone/);
});

test("this Node's own libraries are found", async () => {
  const libraries = await sharedLibraries([process.execPath], AbortSignal.timeout(60_000));
  assert.ok(libraries.some((path) => path.endsWith("/libc.so.6")));
  assert.ok(libraries.some((path) => path.includes("/ld-linux-x86-64.so")));
});
