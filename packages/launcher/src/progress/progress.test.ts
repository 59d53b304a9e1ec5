import assert from "node:assert/strict";
import { test } from "node:test";
import { plainProgress } from "./progress.ts";
import { readableTime } from "./readable-time.ts";

test("times are told as a person would", () => {
  assert.deepEqual([40, 9_940, 9_960, 59_400, 59_600, 125_000].map(readableTime), [
    "0.0 s",
    "9.9 s",
    "10 s",
    "59 s",
    "1 min 00 s",
    "2 min 05 s",
  ]);
});

test("plain progress: a line when a step starts, a line when it ends, none for what is there", () => {
  let text = "";
  using progress = plainProgress((part) => {
    text += part;
  });
  progress.event({ kind: "present", step: "node packages" });
  progress.event({ kind: "started", step: "kernel" });
  progress.event({ kind: "said", step: "kernel", line: "Get:1 http://deb.debian.org" });
  progress.event({ kind: "done", step: "kernel", elapsedMs: 4000 });
  progress.event({ kind: "failed", step: "image minimal", elapsedMs: 1000, error: new Error("x") });
  progress.event({ kind: "skipped", step: "initramfs", because: "native programs" });
  assert.equal(
    text,
    '… kernel\n✓ kernel (4.0 s)\n✗ image minimal (1.0 s)\n- initramfs: not tried, because "native programs" is missing\n',
  );
});
