/** A port on the outer machine's loopback whose connections end inside a host. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

export interface ForwardedPort extends AsyncDisposable {
  readonly port: number;
}

/** @param carry takes one connection to its other end; it has ended when the promise settles. */
export async function forwardPort(carry: (socket: Socket) => Promise<unknown>): Promise<ForwardedPort> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    // A host that was switched off has closed its connections.
    void carry(socket)
      .catch(() => {})
      .finally(() => socket.destroySoon());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
