/** A file on its way in, as a form or as the bare body: its place, then its bytes as they come. Nothing is kept. */
import type { BusboyFileStream } from "@fastify/busboy";
import multipart from "@fastify/multipart";
import { RoostError } from "@roost/protocol/errors";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { Type } from "typebox";
import type { FilePlace } from "../sandboxes/sandboxes.ts";
import { GuestPath, Text } from "./schemas/text.ts";
import { requireValid } from "./validation.ts";

const User = () => Text({ minLength: 1, maxLength: 64, description: "The sandbox's default user if absent." });

/** Of a file in a sandbox. */
export const Place = Type.Object({ path: GuestPath(), user: Type.Optional(User()) }, { additionalProperties: false });

/** For the document. The parts come in a stream, and are checked as they come. */
export const UploadForm = Type.Object({
  path: GuestPath({ description: "Must come before `file`." }),
  user: Type.Optional(User()),
  file: Type.String({ format: "binary" }),
});

const FORM_LIMITS = {
  fieldNameSize: 100,
  fieldSize: 16 * 1024,
  fields: 10,
  parts: 20,
  fileSize: Number.MAX_SAFE_INTEGER,
};

export interface Upload {
  readonly place: FilePlace;
  readonly content: AsyncIterable<Uint8Array>;
}

/** Lets the routes of this scope take forms, and bare bodies. */
export async function takeUploads(scope: FastifyInstance): Promise<void> {
  // Every part named `file` is one, with or without a file name.
  await scope.register(multipart, { limits: FORM_LIMITS, isPartAFile: (field) => field === "file" });
  scope.addContentTypeParser("application/octet-stream", (_request, _payload, done) => done(null));
}

/** Does something with a form's file. What is left of the body afterwards is not looked at. @throws RoostError `invalid_request`. */
export async function withForm(request: FastifyRequest, use: (upload: Upload) => Promise<void>): Promise<void> {
  if (!request.isMultipart()) throw new RoostError("invalid_request", "Send the file as multipart/form-data.");
  try {
    const { place, file } = await readForm(request);
    await use({ place, content: contentOf(file) });
  } finally {
    // Left lying, it would block the next request of its connection.
    request.raw.unpipe();
    request.raw.resume();
  }
}

/** The same with a body that is the file, and its place in the query. */
export async function withBareBody(request: FastifyRequest, use: (upload: Upload) => Promise<void>): Promise<void> {
  try {
    await use({ place: requireValid(Place, request.query), content: bareContent(request) });
  } finally {
    request.raw.resume();
  }
}

/** Reads a form up to its file, whose bytes are still to come. */
async function readForm(request: FastifyRequest): Promise<{ place: FilePlace; file: BusboyFileStream }> {
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

async function* bareContent({ raw }: FastifyRequest): AsyncGenerator<Uint8Array> {
  try {
    // Not destroyed when it is left: the answer goes over the same connection.
    yield* raw.iterator({ destroyOnReturn: false });
  } catch (error) {
    throw new RoostError("invalid_request", "The body broke off before its end.", { cause: error });
  }
}

/** A form that is cut off, or none at all, gets an error of the parser's own. */
function asFormError(error: unknown): unknown {
  if (error instanceof RoostError) return error;
  return new RoostError("invalid_request", "The form is malformed, or broke off before its end.", { cause: error });
}
