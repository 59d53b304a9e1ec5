/**
 * Lists, page by page, each fetched when the reader gets there. Of the server's `Link: <…>; rel="next"` only the query
 * is used: credentials never follow a link to another server, and a proxy that adds a prefix does no harm.
 */
import { RoostProtocolError } from "../errors.ts";
import { readJson } from "./answer.ts";
import type { Transport } from "./transport.ts";

export interface PageRequest {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly signal?: AbortSignal | undefined;
}

export async function* pages<Wire extends object>(transport: Transport, first: PageRequest): AsyncGenerator<Wire> {
  let query: URLSearchParams | undefined = first.query;
  while (query !== undefined) {
    const request = { method: "GET", path: first.path, query, repeat: "safe", signal: first.signal } as const;
    const page: Page<Wire> = await transport.send(request, readPage<Wire>);
    yield* page.items;
    if (page.next?.toString() === query.toString()) {
      throw new RoostProtocolError("The server's list leads back to the same page: stopped reading it.");
    }
    query = page.next;
  }
}

interface Page<Wire> {
  readonly items: readonly Wire[];
  readonly next: URLSearchParams | undefined;
}

async function readPage<Wire extends object>(response: Response): Promise<Page<Wire>> {
  const items = await readJson<readonly Wire[]>(response);
  if (!Array.isArray(items)) throw new RoostProtocolError("The server answered a list with something else.");
  return { items, next: nextQuery(response.headers.get("link")) };
}

function nextQuery(link: string | null): URLSearchParams | undefined {
  for (const [, target, parameters] of (link ?? "").matchAll(/<([^>]*)>([^,]*)/g)) {
    if (target !== undefined && parameters !== undefined && /;\s*rel="?next"?\s*(;|$)/.test(parameters)) {
      return new URL(target, "http://any").searchParams;
    }
  }
  return undefined;
}
