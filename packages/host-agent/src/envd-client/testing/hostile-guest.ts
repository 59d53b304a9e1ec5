/** A guest agent gone bad, for tests: a TCP server that answers each request with whatever bytes a test gives it. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

export interface HostileGuest extends AsyncDisposable {
  readonly address: string;
  readonly port: number;
  /** How many requests came. */
  readonly requests: number;
}

/** @param answer called with the head of each request once it is complete. */
export async function hostileGuest(answer: (socket: Socket, head: string) => void): Promise<HostileGuest> {
  const sockets = new Set<Socket>();
  let requests = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    let head = "";
    socket.on("data", (chunk) => {
      if (head.includes("\r\n\r\n")) return;
      head += chunk.toString("latin1");
      if (!head.includes("\r\n\r\n")) return;
      requests++;
      answer(socket, head);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { address, port } = server.address() as AddressInfo;
  return {
    address,
    port,
    get requests() {
      return requests;
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** An HTTP answer of these parts, closed after. */
export function httpAnswer(status: number, headers: Record<string, string>, body: string | Uint8Array): Buffer {
  const lines = Object.entries({ connection: "close", ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status} Words\r\n${lines.join("")}\r\n`, "latin1"), Buffer.from(body)]);
}

/** A Connect envelope. */
export function envelope(flags: number, message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** Writes the same bytes as fast as they are taken, until the connection ends. */
export function flood(socket: Socket, bytes: Uint8Array): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(bytes));
  };
  socket.on("drain", more);
  more();
}
