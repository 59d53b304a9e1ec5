/** Paths and users of a caller, checked before they are sent to a guest, and the query that carries them. */
import { RoostError } from "@roost/protocol/errors";

/** Linux's PATH_MAX, with the closing NUL. */
const PATH_LIMIT = 4096;
const USER = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}\$?$/;

/** `/files?path=…&username=…`. @throws RoostError `invalid_request` */
export function filesRoute(path: string, user: string): string {
  const query = new URLSearchParams({ path: checkedPath(path) });
  if (user !== "") query.set("username", checkedUser(user));
  return `/files?${query}`;
}

/** A path as it may stand in a request. @throws RoostError `invalid_request` */
export function checkedPath(path: string): string {
  if (path === "") throw new RoostError("invalid_request", "A file's path must not be empty.");
  if (path.includes("\0")) throw new RoostError("invalid_request", "A file's path must not contain a NUL character.");
  if (Buffer.byteLength(path) >= PATH_LIMIT) {
    throw new RoostError("invalid_request", `A file's path must be shorter than ${PATH_LIMIT} bytes.`);
  }
  return path;
}

/** A user's name as it may stand in a request. @throws RoostError `invalid_request` */
export function checkedUser(user: string): string {
  if (!USER.test(user))
    throw new RoostError("invalid_request", "The user's name is not one that a Linux system allows.");
  return user;
}
