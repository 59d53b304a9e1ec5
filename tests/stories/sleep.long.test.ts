/**
 * The long stories of sleep: a large guest ten times in a row, and a clock that stood still for longer than a certificate was young.
 *
 * Runs in the lab, too.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import { LivingProgram } from "./living-program.ts";
import { roostForTests } from "./roost-for-tests.ts";

/** Says whether a client that goes by this machine's clock takes the certificate of a server beside it. */
const SHAKE_HANDS = `
import socket, ssl, threading
server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); server.load_cert_chain("/tmp/pair.pem")
listener = socket.create_server(("127.0.0.1", 7443))
def serve():
    peer, _ = listener.accept()
    try: server.wrap_socket(peer, server_side=True).close()
    except ssl.SSLError: pass
threading.Thread(target=serve, daemon=True).start()
client = ssl.create_default_context(cafile="/tmp/pair.pem")
try:
    with client.wrap_socket(socket.create_connection(("127.0.0.1", 7443)), server_hostname="roost.test") as s: print(s.version())
except ssl.SSLError as error: print(error)
`;

describe("a sandbox that sleeps long, or often", () => {
  const its = roostForTests();

  test("its processes carry on, ten times in a row, with a list of 200 MB (S1, S2, S3)", async () => {
    await using sandbox = await its.roost.sandboxes.create({ memoryMb: 512 });
    const living = await LivingProgram.start(sandbox, 200);
    for (let round = 1; round <= 10; round++) {
      const count = await living.count();
      await sandbox.pause();
      assert.deepEqual(await its.traces(sandbox), [], "a paused sandbox holds nothing of the machine");
      await sandbox.resume();
      await living.carriesOn(count);
    }
  });

  test("after 40 seconds its clock is right: by `date`, and by a certificate that was made meanwhile (S2)", async () => {
    await using sandbox = await its.roost.sandboxes.create({ memoryMb: 256 });
    await sandbox.files.write("/tmp/shake_hands.py", SHAKE_HANDS);
    await sandbox.exec("python3", ["-c", "import ssl, socket, threading"]);
    await sandbox.pause();
    await setTimeout(40_000);
    const young = await makeCertificate();
    await sandbox.resume();
    const before = Date.now();
    const guest = Number((await sandbox.exec("date", ["+%s%3N"])).stdout);
    assert(guest >= before - 1000 && guest <= Date.now() + 1000, `${guest} at ${before}`);
    await sandbox.files.write("/tmp/pair.pem", young);
    assert.match((await sandbox.exec("python3", ["/tmp/shake_hands.py"])).stdout, /^TLSv1\.3$/m);
    // Had its clock stood still, it would not have taken it.
    await sandbox.exec("date", ["--set", `@${Math.floor(before / 1000) - 40}`], { user: "root" });
    assert.match((await sandbox.exec("python3", ["/tmp/shake_hands.py"])).stdout, /not yet valid/);
  });
});

/** Key and certificate, valid from now on. */
async function makeCertificate(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "roost-certificate-"));
  try {
    const pair = join(folder, "pair.pem");
    const subject = ["-subj", "/CN=roost.test", "-addext", "subjectAltName=DNS:roost.test"];
    const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"];
    await promisify(execFile)("openssl", ["req", ...kind, ...subject, "-keyout", pair, "-out", `${pair}.crt`]);
    return (await readFile(pair, "utf8")) + (await readFile(`${pair}.crt`, "utf8"));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
