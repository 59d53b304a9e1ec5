import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { readSettings } from "../settings.ts";
import { dev } from "./dev.ts";
import { down } from "./down.ts";
import { installShown } from "./install.ts";
import type { Machine } from "./machine.ts";
import { up } from "./up.ts";

test("whoever is not root is told what needs root and why, before anything is touched (U2)", async () => {
  const stderr = new PassThrough();
  const machine: Machine = { uid: 1000, stdout: new PassThrough(), stderr, interrupted: new AbortController().signal };
  const settings = readSettings({ ROOST_HOME: "/nowhere", ROOST_CACHE: "/nowhere/cache" });
  const attempts = [
    up(settings, machine, { detach: true, json: true }),
    dev(settings, machine),
    installShown(settings, machine),
    down(settings, machine),
  ];
  for (const attempt of attempts) {
    await assert.rejects(attempt, {
      name: "LauncherFailure",
      message: /needs root, to .*only root makes those.*sudo/s,
    });
  }
  assert.equal(stderr.read(), null);
});
