/** A guest agent, asked over plain HTTP. */
import { randomBytes } from "node:crypto";
import { Agent, type IncomingMessage, request } from "node:http";
import { setTimeout as pause } from "node:timers/promises";

const PORT = 49983;
const RETRY_MS = 2;
/** A guest without a network yet answers nothing at all. */
const CONNECT_MS = 100;

interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

export class Guest implements Disposable {
  readonly #address: string;
  readonly #agent = new Agent({ keepAlive: true });
  #token: string | undefined;

  constructor(address: string, token?: string) {
    this.#address = address;
    this.#token = token;
  }

  /** Its name, its clock, its random numbers; repeated until it is there to hear it. */
  async init(hostname?: string): Promise<void> {
    const token = randomBytes(32).toString("hex");
    for (;;) {
      const body = JSON.stringify({
        accessToken: token,
        timestamp: new Date().toISOString(),
        entropy: randomBytes(64).toString("base64"),
        ...(hostname === undefined
          ? {}
          : { hostname, defaultUser: "user", machineId: randomBytes(16).toString("hex") }),
      });
      const answer = await this.#ask("/init", "application/json", Buffer.from(body)).catch(() => undefined);
      if (answer?.status === 204) break;
      if (answer) throw new Error(`/init: ${answer.status} ${answer.body}`);
      await pause(RETRY_MS);
    }
    this.#token = token;
  }

  async prepareSnapshot(): Promise<void> {
    const { status } = await this.#ask("/snapshot/prepare", "application/json", Buffer.alloc(0));
    if (status !== 204) throw new Error(`/snapshot/prepare: ${status}`);
  }

  /** Runs a command to its end. */
  async exec(cmd: string, args: readonly string[] = []): Promise<void> {
    const message = Buffer.from(JSON.stringify({ process: { cmd, args }, stdin: false }));
    const envelope = Buffer.alloc(5);
    envelope.writeUInt32BE(message.length, 1);
    const type = "application/connect+json";
    const { body } = await this.#ask("/process.Process/Start", type, Buffer.concat([envelope, message]));
    if (!body.includes('"exit status 0"')) throw new Error(`${cmd}: ${body}`);
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  #ask(path: string, type: string, body: Buffer): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const headers = {
      "content-type": type,
      "content-length": body.length,
      ...(this.#token === undefined ? {} : { "x-access-token": this.#token }),
    };
    const to = { host: this.#address, port: PORT, path, method: "POST", headers, agent: this.#agent };
    const asking = request(to, (answer) => void read(answer).then(resolve, reject));
    asking.on("socket", (socket) => {
      if (!socket.connecting) return;
      const timer = setTimeout(() => socket.destroy(new Error("no connection")), CONNECT_MS);
      socket.once("connect", () => clearTimeout(timer)).once("close", () => clearTimeout(timer));
    });
    asking.on("error", reject);
    asking.end(body);
    return promise;
  }
}

async function read(message: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return { status: message.statusCode ?? 0, body: Buffer.concat(chunks) };
}
