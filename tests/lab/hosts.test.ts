/** What an emulated host is: a machine like a user's, with a disk that keeps what it was told to keep. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Lab } from "@roost/launcher/lab";
import type { LabHost } from "@roost/launcher/lab-host";
import { openLab } from "./open-lab.ts";

describe("a host of the lab", () => {
  const stack = new AsyncDisposableStack();
  let lab: Lab;
  let host: LabHost;

  before(async () => {
    lab = stack.use(await openLab());
    host = stack.use(await lab.host());
  });

  after(() => stack.disposeAsync());

  const sh = async (script: string): Promise<string> => (await host.run(["sh", "-c", script])).stdout;

  test("has KVM, device-mapper, userfaultfd, swap, cgroup v2 and kernel 6.12", async () => {
    assert.match(await sh("uname -r"), /^6\.12\./);
    assert.equal(
      await sh("test -c /dev/kvm && test -c /dev/mapper/control && test -c /dev/userfaultfd && echo there"),
      "there\n",
    );
    assert.match(await sh("swapon --show --noheadings"), /^\/swapfile/);
    assert.equal(await sh("stat --file-system --format %T /sys/fs/cgroup"), "cgroup2fs\n");
  });

  test("runs commands: input, both outputs, status, several at once, a megabyte each way", async () => {
    const result = await host.attempt(["sh", "-c", "cat; echo err >&2; exit 3"], { input: "in" });
    assert.deepEqual([result.stdout, result.stderr, result.status], ["in", "err\n", 3]);
    assert.equal((await host.attempt(["no-such-program"])).status, 127);
    const big = "x".repeat(1 << 20);
    const answers = await Promise.all([1, 2].map(() => host.run(["cat"], { input: big })));
    for (const { stdout } of answers) assert.equal(stdout, big);
    await assert.rejects(host.run(["false"]), /host 1, false ended with 1/);
  });

  test("has a LAN with a neighbour, an internet with names, and its own clock", async () => {
    const seen = async (url: string) => JSON.parse(await sh(`curl --silent ${url}`)) as { from: string; to: string };
    const { from, to } = await seen("-4 http://example.com/");
    assert.deepEqual([from, to], ["192.168.77.1", "45.113.8.80"]);
    assert.equal((await seen("-6 http://example.com/")).from, "fd77::1");
    assert.equal((await seen("http://192.168.77.200/")).to, "192.168.77.200");
    const apart = Math.abs(Number(await sh("date +%s")) - Date.now() / 1000);
    assert(apart < 60, `${apart} seconds`);
  });

  test("keeps over a power cut what it has flushed, and forgets what it has not; then it starts again", async () => {
    const bootId = await sh("cat /proc/sys/kernel/random/boot_id");
    await sh("echo flushed > /root/flushed; sync /root/flushed /root; echo not > /root/not-flushed");
    await host.cutPower();
    await assert.rejects(host.run(["true"]), /is off/);
    await host.boot();
    assert.equal(await sh("cd /root; cat flushed; ls not-flushed 2>/dev/null; true"), "flushed\n");
    assert.notEqual(await sh("cat /proc/sys/kernel/random/boot_id"), bootId);
    assert.equal(await sh("test -c /dev/kvm && test -x /root/roost/roost && echo there"), "there\n");
  });

  test("has others beside it, which are not it", async () => {
    await using other = await lab.host();
    assert.notEqual((await other.run(["hostname"])).stdout, await sh("hostname"));
    const random = "head -c 16 /dev/urandom | od -An -tx1";
    assert.notEqual((await other.run(["sh", "-c", random])).stdout, await sh(random));
    await other.run(["sh", "-c", "busybox httpd -p 8080 -h /etc"]);
    assert.match(await sh(`curl --silent --fail http://${other.address.v4}:8080/debian_version`), /^13/);
  });
});
