import { idPattern, type Kind } from "@roost/protocol/ids";
import { Type } from "typebox";

/** The `:id` of a path. One of another form names nothing, and gets the 404 that an unknown one gets. */
export function IdParams(kind: Kind) {
  return Type.Object({ id: Type.String({ pattern: idPattern(kind) }) });
}
