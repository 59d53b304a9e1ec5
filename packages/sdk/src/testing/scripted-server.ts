/**
 * A real HTTP server in the test's own process that says what the test tells it to: the contract's answers, and the
 * things that a good server never does. `await using` ends it and every connection to it.
 */
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
}

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly bytes?: Uint8Array;
  /** Say only so many bytes of the body, then cut the connection; 0: not even a status line. */
  readonly cutAfter?: number;
}

export class ScriptedServer implements AsyncDisposable {
  readonly url: string;
  /** Everything that was asked so far, in order. */
  readonly requests: SeenRequest[];
  readonly #server: Server;

  private constructor(server: Server, requests: SeenRequest[]) {
    this.#server = server;
    this.requests = requests;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** Answers each request, whole, by the script. */
  static async start(script: (request: SeenRequest) => Answer | Promise<Answer>): Promise<ScriptedServer> {
    const requests: SeenRequest[] = [];
    const server = await listen(async (request, response) => {
      const url = new URL(request.url ?? "/", "http://any");
      const seen: SeenRequest = {
        method: request.method ?? "",
        path: url.pathname,
        query: url.searchParams,
        headers: new Headers(request.headers as Record<string, string>),
        body: new Uint8Array(await buffer(request)),
      };
      requests.push(seen);
      const { status = 200, headers = {}, json, bytes, cutAfter } = await script(seen);
      if (cutAfter === 0) return void request.socket.destroy();
      const body = json === undefined ? (bytes ?? new Uint8Array()) : Buffer.from(JSON.stringify(json));
      response.writeHead(status, {
        ...(json === undefined ? {} : { "content-type": "application/json" }),
        ...(status === 204 ? {} : { "content-length": body.length }),
        ...headers,
      });
      if (cutAfter === undefined) response.end(body);
      else response.write(body.subarray(0, cutAfter), () => request.socket.destroy());
    });
    return new ScriptedServer(server, requests);
  }

  /** Leaves everything to the listener, also what to make of the request's body. */
  static async startRaw(listener: RequestListener): Promise<ScriptedServer> {
    return new ScriptedServer(await listen(listener), []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }
}

/** The error answer of the contract. */
export function errorAnswer(status: number, code: string, message: string, more: Partial<Answer> = {}): Answer {
  return { status, json: { error: { code, message } }, ...more };
}

async function listen(listener: RequestListener): Promise<Server> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}
