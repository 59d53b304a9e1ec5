/** What keepers say of the pages that they froze, as the agent logs it. */
import { type Logger, pino } from "pino";

export interface FrozenPages {
  readonly scanned: number;
  /** Which the guest may have written. */
  readonly changed: number;
  /** Of those, what is in the new layer. */
  readonly written: number;
}

/** A logger for a ground, and where to find what was last frozen there. */
export function listenForFrozen(): { readonly logger: Logger; last(): FrozenPages } {
  let frozen: FrozenPages | undefined;
  const logger = pino(
    { level: "info" },
    {
      write: (line: string) => {
        const record = JSON.parse(line) as FrozenPages & { readonly msg: string };
        if (record.msg === "frozen") frozen = record;
      },
    },
  );
  return {
    logger,
    last: () => {
      if (!frozen) throw new Error("nothing was frozen");
      return frozen;
    },
  };
}
