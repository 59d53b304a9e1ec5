/** Files in and out of a sandbox, up to a limit. */
import type { BusboyFileStream } from "@fastify/busboy";
import multipart from "@fastify/multipart";
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { RoostError } from "@roost/protocol/errors";
import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import type { FilePlace, Sandboxes } from "../../sandboxes/sandboxes.ts";
import { teamOf } from "../access.ts";
import { untilDisconnect } from "../disconnect.ts";
import { IdParams } from "../schemas/ids.ts";
import { GuestPath, Text } from "../schemas/text.ts";
import { compileValidator, requireValid } from "../validation.ts";

const User = () => Text({ minLength: 1, maxLength: 64, description: "The sandbox's default user if absent." });
const Place = Type.Object({ path: GuestPath(), user: Type.Optional(User()) }, { additionalProperties: false });

/** For the document. The parts come in a stream, and are checked as they come. */
const WriteForm = Type.Object({
  path: GuestPath({ description: "Must come before `file`." }),
  user: Type.Optional(User()),
  file: Type.String({ format: "binary" }),
});

const ERRORS = [
  "not_found",
  "not_running",
  "payload_too_large",
  "host_failed",
  "host_unavailable",
  "disk_full",
] as const;

const FORM_LIMITS = {
  fieldNameSize: 100,
  fieldSize: 16 * 1024,
  fields: 10,
  parts: 20,
  fileSize: Number.MAX_SAFE_INTEGER,
};

interface Upload {
  readonly place: FilePlace;
  readonly file: BusboyFileStream;
}

/** Reads a form up to its file, whose bytes are still to come. What follows the file is not looked at. */
async function readUpload(request: FastifyRequest): Promise<Upload> {
  const fields: Record<string, unknown> = {};
  try {
    for await (const part of request.parts()) {
      if (part.type === "file") return { place: requireValid(Place, fields), file: part.file };
      fields[part.fieldname] = part.value;
    }
  } catch (error) {
    throw asFormError(error);
  }
  throw new RoostError("invalid_request", "file is missing.");
}

async function* contentOf(file: BusboyFileStream): AsyncGenerator<Uint8Array> {
  try {
    yield* file;
  } catch (error) {
    throw asFormError(error);
  }
}

/** A form that is cut off, or none at all, gets an error of the parser's own. */
function asFormError(error: unknown): unknown {
  if (error instanceof RoostError) return error;
  return new RoostError("invalid_request", "The form is malformed, or broke off before its end.", { cause: error });
}

/** What was not read of a request that was refused: left lying, it would block the next request of its connection. */
function discardRest(request: FastifyRequest): void {
  request.raw.unpipe();
  request.raw.resume();
}

export function sandboxFilesRoutes(sandboxes: Sandboxes): FastifyPluginAsyncTypebox {
  return async (app) => {
    // Every part named `file` is one, with or without a file name.
    await app.register(multipart, { limits: FORM_LIMITS, isPartAFile: (field) => field === "file" });

    app.post(
      "/v1/sandboxes/:id/files/write",
      {
        config: { access: "key-or-session", audit: "nothing", errors: ERRORS },
        schema: {
          tags: ["files"],
          summary: "Write a file; it is there whole or not at all",
          consumes: ["multipart/form-data"],
          params: IdParams("sandbox"),
          body: WriteForm,
          response: { 204: Type.Null({ description: "Written." }) },
        },
        validatorCompiler: (route) => (route.httpPart === "body" ? () => true : compileValidator(route)),
      },
      async (request, reply) => {
        if (!request.isMultipart()) throw new RoostError("invalid_request", "Send the file as multipart/form-data.");
        const { id } = request.params;
        try {
          const { place, file } = await readUpload(request);
          await sandboxes.writeFile(teamOf(request), id, place, contentOf(file), untilDisconnect(reply));
        } finally {
          discardRest(request);
        }
        return reply.code(204).send(null);
      },
    );

    app.post(
      "/v1/sandboxes/:id/files/read",
      {
        config: { access: "key-or-session", audit: "nothing", errors: ERRORS },
        schema: {
          tags: ["files"],
          summary: "Read a file",
          params: IdParams("sandbox"),
          body: Place,
          response: {
            200: {
              description: "The file's bytes.",
              content: {
                "application/octet-stream": { schema: Type.Unsafe<Buffer>({ type: "string", format: "binary" }) },
              },
            },
          },
        },
      },
      async (request, reply) => {
        const { path, user } = request.body;
        const content = await sandboxes.readFile(
          teamOf(request),
          request.params.id,
          { path, user },
          untilDisconnect(reply),
        );
        return reply.type("application/octet-stream").send(content);
      },
    );
  };
}
