/** A real WebSocket server in the test's own process: each stream is a conversation that the test writes. */
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import { sandboxWire } from "./wire-samples.ts";

export interface ScriptedStream {
  readonly request: IncomingMessage;
  readonly socket: WebSocket;
  /** The next message: parsed, or the bytes of a binary one. */
  hear(): Promise<unknown>;
  say(message: object | Uint8Array): void;
}

export class ScriptedStreams implements AsyncDisposable {
  readonly url: string;
  /** Of requests that are no streams. */
  readonly requests: string[];
  readonly #end: () => Promise<void>;

  private constructor(url: string, requests: string[], end: () => Promise<void>) {
    this.url = url;
    this.requests = requests;
    this.#end = end;
  }

  /** GET answers with a sandbox, all else with 204. */
  static async start(talk: (stream: ScriptedStream) => Promise<void> | void): Promise<ScriptedStreams> {
    const requests: string[] = [];
    const http = createServer((request, response) => {
      requests.push(`${request.method} ${request.url}`);
      if (request.method === "GET") response.end(JSON.stringify(sandboxWire()));
      else response.writeHead(204).end();
    });
    const sockets = new WebSocketServer({ server: http, handleProtocols: () => "roost.v1" });
    sockets.on("connection", (socket, request) => void talk(streamOf(socket, request)));
    http.listen(0, "127.0.0.1");
    await once(http, "listening");
    return new ScriptedStreams(`http://127.0.0.1:${(http.address() as AddressInfo).port}`, requests, async () => {
      for (const socket of sockets.clients) socket.terminate();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
  }
}

function streamOf(socket: WebSocket, request: IncomingMessage): ScriptedStream {
  const heard: unknown[] = [];
  let wake: (() => void) | undefined;
  socket.on("message", (data: Buffer, isBinary) => {
    heard.push(isBinary ? data : JSON.parse(data.toString()));
    wake?.();
  });
  return {
    request,
    socket,
    say: (message) => socket.send(message instanceof Uint8Array ? message : JSON.stringify(message)),
    async hear() {
      while (heard.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return heard.shift();
    },
  };
}
