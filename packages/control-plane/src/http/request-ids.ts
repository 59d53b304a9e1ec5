/** Every answer bears the id under which the log has its request. The name has an underscore: docs/api.md says why. */
import { randomBytes } from "node:crypto";

export const REQUEST_ID_HEADER = "request_id";

export function newRequestId(): string {
  return `req-${randomBytes(10).toString("hex")}`;
}
