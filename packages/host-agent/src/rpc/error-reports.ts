/**
 * How a failed call is told. A RoostError goes to the caller with its code. Everything else is a fault of this agent: the caller
 * gets a number and no details, the log gets both.
 */
import { randomUUID } from "node:crypto";
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { RoostError, toConnectError } from "@roost/protocol/errors";
import type { Logger } from "pino";

export function errorReports(logger: Logger): Interceptor {
  return (next) => async (request) => {
    const report = (error: unknown): ConnectError => {
      if (request.signal.aborted) return ConnectError.from(request.signal.reason, Code.Canceled);
      if (error instanceof RoostError) return toConnectError(error);
      if (error instanceof ConnectError) return error;
      const id = randomUUID();
      logger.error({ err: error, rpc: request.method.name, errorId: id }, "an RPC failed unexpectedly");
      return toConnectError(new RoostError("internal", `The host agent failed. Its log tells more under ${id}.`));
    };
    try {
      const response = await next(request);
      if (!response.stream) return response;
      return { ...response, message: reported(response.message, report) };
    } catch (error) {
      throw report(error);
    }
  };
}

async function* reported<T>(messages: AsyncIterable<T>, report: (error: unknown) => ConnectError): AsyncIterable<T> {
  try {
    yield* messages;
  } catch (error) {
    throw report(error);
  }
}
