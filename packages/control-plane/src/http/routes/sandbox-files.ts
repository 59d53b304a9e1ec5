/** Files in and out of a sandbox: as streams of any size, and, up to a limit, each in one answer. */
import { Readable } from "node:stream";
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import type { Sandboxes } from "../../sandboxes/sandboxes.ts";
import { teamOf } from "../access.ts";
import { untilDisconnect } from "../disconnect.ts";
import { IdParams } from "../schemas/ids.ts";
import { GuestPath, Text } from "../schemas/text.ts";
import { Place, takeUploads, UploadForm, withBareBody, withForm } from "../uploads.ts";
import { compileValidator } from "../validation.ts";

const ERRORS = [
  "invalid_request",
  "not_found",
  "not_running",
  "sandbox_paused",
  "payload_too_large",
  "host_failed",
  "host_unavailable",
  "disk_full",
] as const;
const config = { access: "key-or-session", audit: "nothing", errors: ERRORS } as const;
const BINARY = Type.Unsafe<Buffer | Readable>({ type: "string", format: "binary" });
/** A download's pieces that wait to be sent. */
const READ_AHEAD_BYTES = 512 * 1024;

const bytesAnswer = {
  200: { description: "The file's bytes.", content: { "application/octet-stream": { schema: BINARY } } },
};
const written = { 204: Type.Null({ description: "Written." }) };
/** The body is checked as it comes. */
const uncheckedBody: { validatorCompiler: typeof compileValidator } = {
  validatorCompiler: (route) => (route.httpPart === "body" ? () => true : compileValidator(route)),
};

export function sandboxFilesRoutes(sandboxes: Sandboxes): FastifyPluginAsyncTypebox {
  return async (app) => {
    await takeUploads(app);

    app.post(
      "/v1/sandboxes/:id/files/write",
      {
        config,
        schema: {
          tags: ["files"],
          summary: "Write a file; it is there whole or not at all",
          consumes: ["multipart/form-data"],
          params: IdParams("sandbox"),
          body: UploadForm,
          response: written,
        },
        ...uncheckedBody,
      },
      async (request, reply) => {
        await withForm(request, ({ place, content }) =>
          sandboxes.writeSmallFile(teamOf(request), request.params.id, place, content, untilDisconnect(reply)),
        );
        return reply.code(204).send(null);
      },
    );

    app.post(
      "/v1/sandboxes/:id/files/stream/write",
      {
        config: { ...config, bodyMayBeBare: true },
        schema: {
          tags: ["files"],
          summary: "Write a file of any size; it is there whole or not at all",
          description: "As a form, or with the file as the bare body and its place in the query.",
          consumes: ["multipart/form-data"],
          params: IdParams("sandbox"),
          querystring: Type.Object(
            {
              path: Type.Optional(GuestPath({ description: "Of a bare body (`application/octet-stream`)." })),
              user: Type.Optional(Text({ minLength: 1, maxLength: 64, description: "The same." })),
            },
            { additionalProperties: false },
          ),
          body: UploadForm,
          response: written,
        },
        ...uncheckedBody,
      },
      async (request, reply) => {
        const withUpload = request.isMultipart() ? withForm : withBareBody;
        await withUpload(request, ({ place, content }) =>
          sandboxes.writeFile(teamOf(request), request.params.id, place, content, untilDisconnect(reply)),
        );
        return reply.code(204).send(null);
      },
    );

    app.post(
      "/v1/sandboxes/:id/files/read",
      {
        config,
        schema: {
          tags: ["files"],
          summary: "Read a file",
          params: IdParams("sandbox"),
          body: Place,
          response: bytesAnswer,
        },
      },
      async (request, reply) => {
        const { params, body } = request;
        const content = await sandboxes.readSmallFile(teamOf(request), params.id, body, untilDisconnect(reply));
        return reply.type("application/octet-stream").send(content);
      },
    );

    app.post(
      "/v1/sandboxes/:id/files/stream/read",
      {
        config,
        schema: {
          tags: ["files"],
          summary: "Read a file of any size",
          description: "An answer that breaks off is an error: a file is never short without one.",
          params: IdParams("sandbox"),
          body: Place,
          response: bytesAnswer,
        },
      },
      async (request, reply) => {
        const { params, body } = request;
        const { size, chunks } = await sandboxes.readFile(teamOf(request), params.id, body, untilDisconnect(reply));
        if (size !== undefined) reply.header("content-length", size);
        const stream = Readable.from(chunks, { objectMode: false, highWaterMark: READ_AHEAD_BYTES });
        return reply.type("application/octet-stream").send(stream);
      },
    );
  };
}
