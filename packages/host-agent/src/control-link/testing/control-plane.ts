/**
 * A control plane of three routes, for tests: a real HTTP server with a real authority, which answers as a test tells it to and
 * rotates tokens as the real one does.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { TestAuthority } from "../../identity/testing/authority.ts";

export interface SeenRequest {
  readonly path: string;
  readonly token: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into bodies freely.
  readonly body: any;
}

/** Answers a request by itself, or leaves it to the rules by returning false. */
export type Override = (request: SeenRequest, response: ServerResponse) => boolean;

export class TestControlPlane implements AsyncDisposable {
  readonly url: URL;
  readonly authority: TestAuthority;
  readonly hostId = "host-abcdefghijklmnopqrst";
  readonly requests: SeenRequest[] = [];
  joinToken = "join-1";
  /** The pair that is good now. */
  token = "jwt-1";
  refreshToken = "refresh-1";
  override: Override = () => false;
  /** Validity of the certificates it gives. */
  dates: { notBefore: Date; notAfter: Date } = { notBefore: new Date("2025-12-31"), notAfter: new Date("2026-12-31") };
  #issued = 1;
  #waiting: { count: number; path: string; resolve: () => void }[] = [];
  readonly #server = createServer((request, response) => void this.#serve(request, response));

  private constructor(authority: TestAuthority, port: number) {
    this.authority = authority;
    this.url = new URL(`http://127.0.0.1:${port}`);
  }

  static async start(): Promise<TestControlPlane> {
    const authority = await TestAuthority.create();
    const probe = createServer().listen(0, "127.0.0.1");
    await once(probe, "listening");
    const { port } = probe.address() as AddressInfo;
    probe.close();
    await once(probe, "close");
    const control = new TestControlPlane(authority, port);
    await control.listen();
    return control;
  }

  async listen(): Promise<void> {
    this.#server.listen(Number(this.url.port), "127.0.0.1");
    await once(this.#server, "listening");
  }

  async close(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  seen(path: "register" | "refresh" | "heartbeat"): SeenRequest[] {
    return this.requests.filter((request) => request.path.endsWith(path));
  }

  /** Resolves when so many requests to this route were answered. */
  async answered(path: "register" | "refresh" | "heartbeat", count: number): Promise<void> {
    if (this.seen(path).length >= count) return;
    await new Promise<void>((resolve) => this.#waiting.push({ count, path, resolve }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = Buffer.concat(await Array.fromAsync(request)).toString();
    const token = request.headers["x-host-token"];
    const seen: SeenRequest = {
      path: request.url ?? "",
      token: typeof token === "string" ? token : undefined,
      body: JSON.parse(text),
    };
    response.on("close", () => this.#note(seen));
    if (this.override(seen, response)) return;
    if (seen.path === "/v1/hosts/register") await this.#register(seen, response);
    else if (seen.path === "/v1/hosts/auth/refresh") await this.#refresh(seen, response);
    else if (seen.path === `/v1/hosts/${this.hostId}/heartbeat`) {
      if (seen.token === this.token) response.writeHead(204).end();
      else answer(response, 401, errorBody("unauthorized", "This token is not good."));
    } else answer(response, 404, errorBody("not_found", "No such route."));
  }

  #note(seen: SeenRequest): void {
    this.requests.push(seen);
    this.#waiting = this.#waiting.filter(({ count, path, resolve }) => {
      const reached = this.requests.filter((request) => request.path.endsWith(path)).length >= count;
      if (reached) resolve();
      return !reached;
    });
  }

  async #register({ body }: SeenRequest, response: ServerResponse): Promise<void> {
    if (body.token !== this.joinToken) return answer(response, 401, errorBody("unauthorized", "Wrong token."));
    const certificate = await this.authority.signHost(this.hostId, body.csr, this.dates);
    const pair = { token: this.token, refresh_token: this.refreshToken };
    answer(response, 201, { host: { id: this.hostId }, ...pair, certificate, ca: this.authority.pem });
  }

  async #refresh({ body }: SeenRequest, response: ServerResponse): Promise<void> {
    if (body.refresh_token !== this.refreshToken)
      return answer(response, 401, errorBody("unauthorized", "Wrong token."));
    this.#issued++;
    this.token = `jwt-${this.#issued}`;
    this.refreshToken = `refresh-${this.#issued}`;
    const certificate = body.csr && (await this.authority.signHost(this.hostId, body.csr, this.dates));
    const pair = { token: this.token, refresh_token: this.refreshToken };
    answer(response, 200, { ...pair, ca: this.authority.pem, ...(certificate ? { certificate } : {}) });
  }
}

export function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

export function errorBody(code: string, message: string): object {
  return { error: { code, message } };
}
