/** Pages on the wire: `?limit=` and an opaque `?cursor=`; the next page's address in the `Link` header (RFC 8288). */
import { RoostError } from "@roost/protocol/errors";
import type { FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";
import type { Cursor, PageRequest } from "../db/pages.ts";

const MOST = 100;

export const PageQuery = {
  limit: Type.Integer({ minimum: 1, maximum: MOST, default: MOST, description: "The most that one page holds." }),
  cursor: Type.Optional(Type.String({ maxLength: 200, description: "From the `Link` header of the page before." })),
};

export const LINK_HEADER = {
  Link: Type.Optional(Type.String({ description: 'The next page, as `<…>; rel="next"`; absent on the last.' })),
};

interface Listed {
  readonly id: string;
  readonly created_at: Date;
}

function encodeCursor(last: Listed): string {
  return Buffer.from(`${last.created_at.getTime()} ${last.id}`).toString("base64url");
}

function decodeCursor(text: string): Cursor {
  const match = /^(\d{1,15}) ([a-z]+-[a-z2-7]{20})$/.exec(Buffer.from(text, "base64url").toString("utf8"));
  if (!match?.[1] || !match[2])
    throw new RoostError("invalid_request", "cursor must come from a Link header, unchanged.");
  return { createdAt: new Date(Number(match[1])), id: match[2] };
}

/**
 * Reads one page, and links to the next if there is more.
 * @param read asked for one row more than the page holds: it shows whether there is a next page.
 */
export async function page<T extends Listed>(
  request: FastifyRequest<{ Querystring: { limit: number; cursor?: string } }>,
  reply: FastifyReply,
  read: (page: PageRequest) => Promise<T[]>,
): Promise<T[]> {
  const { limit, cursor } = request.query;
  const after = cursor === undefined ? undefined : decodeCursor(cursor);
  const rows = await read({ limit: limit + 1, after });
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  if (rows.length > limit && last) {
    // Relative to this very address, so that it holds behind any proxy.
    const next = new URL(request.url, "http://relative");
    next.searchParams.set("cursor", encodeCursor(last));
    reply.header("Link", `<${next.pathname}${next.search}>; rel="next"`);
  }
  return shown;
}
