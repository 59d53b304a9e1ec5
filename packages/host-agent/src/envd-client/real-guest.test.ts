import assert from "node:assert/strict";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { RoostError } from "@roost/protocol/errors";
import { temporaryFolder } from "../identity/testing/temporary-folder.ts";
import { connectEnvd, type ExecRequest } from "./envd-client.ts";
import { fails } from "./testing/fails.ts";
import { realGuest } from "./testing/real-guest.ts";

const MiB = 1024 * 1024;
const never = new AbortController().signal;

function command(cmd: string, args: string[] = [], more: Partial<ExecRequest> = {}): ExecRequest {
  return { cmd, args, env: {}, timeoutMs: 60_000, outputLimitBytes: 64 * MiB, ...more };
}

suite("R4, R5: files in a real guest agent", () => {
  async function* pieces(count: number): AsyncGenerator<Uint8Array> {
    for (let index = 0; index < count; index++) yield Buffer.alloc(MiB, index);
  }

  test("40 MB go in and come back the same, in constant memory", async () => {
    await using guest = await realGuest();
    await using folder = await temporaryFolder();
    const path = join(folder.path, "made", "on the way", "ü?&=#.bin");
    assert.equal(await guest.client.writeFile(path, guest.user, pieces(40), never), 40 * MiB);
    const { size, chunks } = await guest.client.readFile(path, guest.user, never);
    assert.equal(size, 40 * MiB);
    let offset = 0;
    for await (const chunk of chunks) {
      assert.ok(chunk.every((byte, index) => byte === Math.floor((offset + index) / MiB)));
      offset += chunk.length;
    }
    assert.equal(offset, 40 * MiB);
  });

  test("an empty file is a file", async () => {
    await using guest = await realGuest();
    await using folder = await temporaryFolder();
    const path = join(folder.path, "empty");
    assert.equal(await guest.client.writeFile(path, "", pieces(0), never), 0);
    assert.equal((await stat(path)).size, 0);
    assert.equal((await Array.fromAsync((await guest.client.readFile(path, "", never)).chunks)).length, 0);
  });

  test("an upload that breaks leaves nothing, and the old file as it was", async () => {
    await using guest = await realGuest();
    await using folder = await temporaryFolder();
    const path = join(folder.path, "file");
    await writeFile(path, "old");
    const broken = new Error("the source broke");
    async function* half(): AsyncGenerator<Uint8Array> {
      yield* pieces(3);
      throw broken;
    }
    await assert.rejects(guest.client.writeFile(path, guest.user, half(), never), broken);
    await guest.client.exec(command("true"), never);
    assert.equal(await readFile(path, "utf8"), "old");
    while ((await readdir(folder.path)).length > 1) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  test("what is missing, a folder, or for an unknown user is told as that", async () => {
    await using guest = await realGuest();
    await using folder = await temporaryFolder();
    const { path } = folder;
    await assert.rejects(guest.client.readFile(join(path, "none"), guest.user, never), fails(/none/, "not_found"));
    await assert.rejects(guest.client.readFile(path, guest.user, never), fails(/./, "invalid_request"));
    await assert.rejects(guest.client.writeFile(path, guest.user, pieces(40), never), fails(/./, "invalid_request"));
    await assert.rejects(
      guest.client.readFile("/etc/hostname", "nobody-here", never),
      fails(/nobody-here/, "invalid_request"),
    );
  });
});

suite("A real guest agent's health, metrics and token", () => {
  test("its metrics are those of the machine", async () => {
    await using guest = await realGuest();
    const metrics = await guest.client.metrics(never);
    assert.ok(metrics.cpuCount >= 1);
    assert.ok(metrics.memoryTotal > metrics.memoryUsed);
    assert.ok(Math.abs(metrics.at.getTime() - Date.now()) < 60_000);
  });

  test("without its token nothing is answered but health", async () => {
    await using guest = await realGuest();
    await using stranger = connectEnvd({ address: guest.address, port: guest.port, accessToken: "wrong" });
    await stranger.waitHealthy(never);
    await assert.rejects(stranger.exec(command("true"), never), RoostError);
    await assert.rejects(stranger.readFile("/etc/hostname", guest.user, never), RoostError);
    await assert.rejects(stranger.metrics(never), RoostError);
    await using friend = guest.connect();
    assert.equal((await friend.exec(command("true"), never)).exitCode, 0);
  });

  test("waiting for health outlasts a guest that is not there, and ends with its signal", async () => {
    await using guest = await realGuest();
    await guest.kill();
    const stop = new AbortController();
    const reason = new Error("enough");
    const waiting = connectEnvd({ address: guest.address, port: guest.port }).waitHealthy(stop.signal);
    setTimeout(() => stop.abort(reason), 300);
    await assert.rejects(waiting, reason);
  });
});
