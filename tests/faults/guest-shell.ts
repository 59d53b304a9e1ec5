/** A shell in the guest of a sandbox that runs without control plane. */
import assert from "node:assert/strict";
import type { RunningSandbox } from "@roost/host-agent/testing";

const NEVER = new AbortController().signal;

/** What runs commands there. */
export interface Guest {
  readonly envd: Pick<RunningSandbox["envd"], "exec">;
}

/** What the script says, which must succeed; as root. */
export async function sh({ envd }: Guest, script: string): Promise<string> {
  const request = { cmd: "sh", args: ["-c", script], env: {}, cwd: "", user: "root" };
  const limits = { stdin: Buffer.alloc(0), timeoutMs: 120_000, outputLimitBytes: 1024 * 1024 };
  const { stdout, stderr, exitCode } = await envd.exec({ ...request, ...limits }, NEVER);
  assert.equal(exitCode, 0, stderr.toString());
  return stdout.toString();
}

/** Starts a Python program that goes on by itself, and waits until it has made `/tmp/ready`. */
export async function startPython(sandbox: Guest, program: string): Promise<void> {
  await sh(
    sandbox,
    `cat > /tmp/program.py <<'END'
${program}
END
rm -f /tmp/ready
setsid python3 /tmp/program.py > /tmp/program.log 2>&1 < /dev/null &
for i in $(seq 600); do test -e /tmp/ready && exit; sleep 0.1; done
cat /tmp/program.log >&2; exit 1`,
  );
}
