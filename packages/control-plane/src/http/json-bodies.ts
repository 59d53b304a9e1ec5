/** JSON is the one kind of body, but for routes that say otherwise. None at all is as good as an empty object. */
import { RoostError } from "@roost/protocol/errors";
import type { FastifyInstance } from "fastify";

export function parseJsonBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  // Members called __proto__ or constructor are refused, not dropped.
  const parse = app.getDefaultJsonParser("error", "error");
  app.addContentTypeParser("application/json", { parseAs: "string" }, (request, body, done) => {
    const text = String(body);
    if (text.trim() === "") return done(null, undefined);
    // Fastify gives a validator null where there is no body; JSON's null is another thing.
    if (text.trim() === "null") return done(new RoostError("invalid_request", "The body must be object."), undefined);
    void parse(request, text, done);
  });
}
