/**
 * A client for tests that holds every answer against the server's own OpenAPI document: its status must be one that the
 * route documents, its body must fit the schema, and it must bear a request id.
 */
import assert from "node:assert/strict";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

export interface Credentials {
  readonly key?: string;
  readonly session?: string;
  readonly host?: string;
}

export interface Call extends Credentials {
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is. */
  readonly body?: RequestInit["body"];
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

// biome-ignore lint/suspicious/noExplicitAny: an answer may be anything; what it is, the document and the test say.
type AnyJson = any;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** JSON when it is, else the bytes; undefined for none. */
  readonly body: AnyJson;
}

interface OpenApi {
  readonly paths: Record<string, Record<string, { responses: Record<string, { content?: Record<string, unknown> }> }>>;
}

export class Api {
  readonly url: string;
  readonly document: OpenApi;
  readonly #ajv: Ajv2020;

  private constructor(url: string, document: OpenApi) {
    this.url = url;
    this.document = document;
    this.#ajv = new Ajv2020({ strict: false, allErrors: true });
    addFormats.default(this.#ajv);
    this.#ajv.addSchema(document, "openapi");
  }

  static async at(url: string): Promise<Api> {
    const response = await fetch(`${url}/openapi.json`);
    return new Api(url, (await response.json()) as OpenApi);
  }

  get(path: string, call: Call = {}): Promise<Answer> {
    return this.call("GET", path, call);
  }

  post(path: string, call: Call = {}): Promise<Answer> {
    return this.call("POST", path, call);
  }

  patch(path: string, call: Call = {}): Promise<Answer> {
    return this.call("PATCH", path, call);
  }

  delete(path: string, call: Call = {}): Promise<Answer> {
    return this.call("DELETE", path, call);
  }

  async call(method: string, path: string, call: Call): Promise<Answer> {
    const headers = new Headers(call.headers);
    if (call.key !== undefined) headers.set("X-API-Key", call.key);
    if (call.session !== undefined) headers.set("Authorization", `Bearer ${call.session}`);
    if (call.host !== undefined) headers.set("X-Host-Token", call.host);
    if (call.json !== undefined) headers.set("content-type", "application/json");
    const body = call.json === undefined ? (call.body ?? null) : JSON.stringify(call.json);
    const response = await fetch(this.url + path, {
      method,
      headers,
      body,
      signal: call.signal ?? null,
      duplex: "half",
    });
    const bytes = Buffer.from(await response.arrayBuffer());
    const type = response.headers.get("content-type") ?? "";
    const isJson = type.startsWith("application/json");
    const answer: Answer = {
      status: response.status,
      headers: response.headers,
      body: isJson ? JSON.parse(bytes.toString("utf8")) : bytes.length > 0 ? bytes : undefined,
    };
    this.#check(method, path, type, answer);
    return answer;
  }

  #check(method: string, path: string, type: string, answer: Answer): void {
    const what = `${method} ${path} → ${answer.status} ${JSON.stringify(answer.body)?.slice(0, 300)}`;
    assert.match(answer.headers.get("request_id") ?? "", /^req-[0-9a-f]{20}$/, what);
    const template = this.#templateOf(path);
    const operation = template && this.document.paths[template]?.[method.toLowerCase()];
    if (!operation) {
      assert.equal(answer.body?.error?.code, "not_found", `${what}: a route that the document does not have`);
      return;
    }
    const documented = operation.responses[String(answer.status)];
    assert.ok(documented, `${what}: not a documented status`);
    if (documented.content === undefined) {
      assert.equal(answer.body, undefined, `${what}: documented without a body`);
      return;
    }
    const mediaType = type.split(";")[0] ?? "";
    assert.ok(mediaType in documented.content, `${what}: not documented as ${mediaType}`);
    if (mediaType !== "application/json") return;
    const pointer = [
      "paths",
      template,
      method.toLowerCase(),
      "responses",
      answer.status,
      "content",
      mediaType,
      "schema",
    ];
    const escaped = pointer.map((part) => encodeURIComponent(String(part).replaceAll("~", "~0").replaceAll("/", "~1")));
    const validate = this.#ajv.compile({ $ref: `openapi#/${escaped.join("/")}` });
    assert.ok(validate(answer.body), `${what}: ${this.#ajv.errorsText(validate.errors)}`);
  }

  #templateOf(path: string): string | undefined {
    const segments = (path.split("?")[0] ?? "").split("/");
    const candidates = Object.keys(this.document.paths).filter((template) => {
      const parts = template.split("/");
      return (
        parts.length === segments.length && parts.every((part, at) => part.startsWith("{") || part === segments[at])
      );
    });
    // A literal part is closer than a parameter: /v1/hosts/register is not /v1/hosts/{id}.
    return candidates.toSorted((a, b) => a.split("{").length - b.split("{").length)[0];
  }
}
