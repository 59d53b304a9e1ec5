/** JSON is the one kind of body, but for routes that say otherwise. None at all is as good as an empty object. */
import type { FastifyInstance } from "fastify";

export function parseJsonBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  // Members called __proto__ or constructor are refused, not dropped.
  const parse = app.getDefaultJsonParser("error", "error");
  app.addContentTypeParser("application/json", { parseAs: "string" }, (request, body, done) => {
    const text = String(body);
    if (text.trim() === "") done(null, undefined);
    else void parse(request, text, done);
  });
}
