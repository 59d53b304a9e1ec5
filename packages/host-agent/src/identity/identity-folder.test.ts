import assert from "node:assert/strict";
import { chmod, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { RoostError } from "@roost/protocol/errors";
import { certificateValidity, type HostIdentity } from "./host-identity.ts";
import { IdentityFolder } from "./identity-folder.ts";
import { TestAuthority } from "./testing/authority.ts";
import { temporaryFolder } from "./testing/temporary-folder.ts";

const hostId = "host-abcdefghijklmnopqrst";
const authority = await TestAuthority.create();

async function identityFor(folder: IdentityFolder): Promise<HostIdentity> {
  const certificate = await authority.signHost(hostId, await folder.key.certificateRequest());
  return { hostId, certificate, ca: authority.pem, token: "jwt", refreshToken: "refresh" };
}

async function joinedFolder(path: string): Promise<IdentityFolder> {
  const folder = await IdentityFolder.open(path);
  await folder.save(await identityFor(folder));
  return folder;
}

function fails(pattern: RegExp) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof RoostError, `a RoostError, not ${error}`);
    assert.match(error.message, pattern);
    return true;
  };
}

suite("A host's identity on disk", () => {
  test("H1: what was saved is there at the next start, with the same key", async () => {
    await using temporary = await temporaryFolder();
    const path = join(temporary.path, "host");
    const first = await joinedFolder(path);
    const second = await IdentityFolder.open(path);
    assert.deepEqual(second.current, first.current);
    assert.equal(second.key.pem, first.key.pem);
    assert.ok(second.joined);
  });

  test("H1: everything in it is its owner's alone, and no temporary file remains", async () => {
    await using temporary = await temporaryFolder();
    const path = join(temporary.path, "host");
    await joinedFolder(path);
    assert.equal((await stat(path)).mode & 0o777, 0o700);
    assert.deepEqual((await readdir(path)).sort(), ["identity.json", "key.pem"]);
    for (const name of await readdir(path)) assert.equal((await stat(join(path, name))).mode & 0o777, 0o600, name);
  });

  test("the key is not in what the control plane gets, and is EC P-256", async () => {
    await using temporary = await temporaryFolder();
    const { key } = await IdentityFolder.open(temporary.path);
    assert.match(await key.certificateRequest(), /^-----BEGIN CERTIFICATE REQUEST-----/);
    assert.equal(key.private.asymmetricKeyDetails?.namedCurve, "prime256v1");
  });

  test("a crash before the rename leaves the old identity", async () => {
    await using temporary = await temporaryFolder();
    const { current } = await joinedFolder(temporary.path);
    await writeFile(join(temporary.path, "identity.json.new"), "{half", { mode: 0o600 });
    const folder = await IdentityFolder.open(temporary.path);
    assert.deepEqual(folder.current, current);
    await folder.save({ ...current, token: "next" });
    assert.equal((await IdentityFolder.open(temporary.path)).current.token, "next");
  });

  test("who uses the identity is told of a new one, until he lets go", async () => {
    await using temporary = await temporaryFolder();
    const folder = await joinedFolder(temporary.path);
    const seen: string[] = [];
    {
      using _subscription = folder.onChange(() => seen.push(folder.current.token));
      await folder.save({ ...folder.current, token: "second" });
    }
    await folder.save({ ...folder.current, token: "third" });
    assert.deepEqual(seen, ["second"]);
  });

  for (const name of ["identity.json", "key.pem"]) {
    test(`${name} readable by others is refused, with the command that sets it right`, async () => {
      await using temporary = await temporaryFolder();
      await joinedFolder(temporary.path);
      await chmod(join(temporary.path, name), 0o644);
      await assert.rejects(IdentityFolder.open(temporary.path), fails(/can be read by others.*chmod 0600/));
    });

    test(`${name} that is broken is refused, and stays as it is`, async () => {
      await using temporary = await temporaryFolder();
      await joinedFolder(temporary.path);
      const path = join(temporary.path, name);
      await writeFile(path, "nonsense");
      await assert.rejects(IdentityFolder.open(temporary.path), fails(new RegExp(`${name}.*join`)));
      assert.equal(await readFile(path, "utf8"), "nonsense");
    });
  }

  test("a folder that others may enter is refused", async () => {
    await using temporary = await temporaryFolder();
    const path = join(temporary.path, "host");
    await mkdir(path, { mode: 0o755 });
    await assert.rejects(IdentityFolder.open(path), fails(/chmod 0700/));
  });

  const wrong: [string, (identity: HostIdentity, other: TestAuthority) => Promise<HostIdentity>][] = [
    ["another authority's", async (identity, other) => ({ ...identity, ca: other.pem })],
    ["for another host", async (identity) => ({ ...identity, hostId: "host-bbbbbbbbbbbbbbbbbbbb" })],
    ["for a text that is no host", async (identity) => ({ ...identity, hostId: "../../etc" })],
    ["without tokens", async (identity) => ({ ...identity, token: "" })],
    ["not a certificate", async (identity) => ({ ...identity, certificate: "x" })],
    [
      "for another key",
      async (identity) => ({
        ...identity,
        certificate: (
          await authority.issue({ name: "CN=x", purpose: "serverAuth", dnsName: `${hostId}.roost.internal` })
        ).certificate,
      }),
    ],
  ];
  for (const [what, change] of wrong) {
    test(`an identity ${what} is not kept`, async () => {
      await using temporary = await temporaryFolder();
      const folder = await joinedFolder(temporary.path);
      const before = folder.current;
      const changed = await change(before, await TestAuthority.create());
      await assert.rejects(folder.save(changed), RoostError);
      assert.deepEqual(folder.current, before);
      assert.deepEqual((await IdentityFolder.open(temporary.path)).current, before);
    });
  }

  test("a certificate's dates are read, also when it has run out", async () => {
    await using temporary = await temporaryFolder();
    const folder = await IdentityFolder.open(temporary.path);
    const dates = { notBefore: new Date("2020-01-01T00:00:00Z"), notAfter: new Date("2021-01-01T00:00:00Z") };
    const certificate = await authority.signHost(hostId, await folder.key.certificateRequest(), dates);
    await folder.save({ hostId, certificate, ca: authority.pem, token: "t", refreshToken: "r" });
    assert.deepEqual(certificateValidity(folder.current), { from: dates.notBefore, to: dates.notAfter });
  });
});
