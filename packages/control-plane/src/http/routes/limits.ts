/** What a team may have, and has. */
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import type { Amounts, Counted } from "../../teams/limits.ts";
import { teamOf } from "../access.ts";
import { Nullable } from "../schemas/text.ts";

/** Answers what a team may have (0: any amount), and has. */
export type LimitsOf = (teamId: string) => Promise<{ readonly limits: Amounts; readonly used: Amounts }>;

const Amount = (description: string) =>
  Type.Object(
    { used: Type.Integer(), limit: Nullable(Type.Integer({ description: "Null: any amount." })) },
    { description },
  );

export const TeamLimitsShown = Type.Object(
  {
    sandboxes: Amount("Until they are destroyed."),
    vcpus: Amount("Of sandboxes that are on a host: not of paused ones."),
    memory_mb: Amount("Likewise, in MiB."),
    snapshots: Amount("Named ones."),
    disk_mb: Amount("What the snapshots hold on disks, in MiB."),
  },
  { description: "What the team may have, and has." },
);

export function limitsRoutes(limitsOf: LimitsOf): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      "/v1/limits",
      {
        config: { access: "key-or-session" },
        schema: {
          tags: ["teams"],
          summary: "What the team may have at once, and has",
          response: { 200: TeamLimitsShown },
        },
      },
      async (request) => {
        const { limits, used } = await limitsOf(teamOf(request));
        const show = (counted: Counted) => ({ used: used[counted], limit: limits[counted] || null });
        return {
          sandboxes: show("sandboxes"),
          vcpus: show("vcpus"),
          memory_mb: show("memory_mb"),
          snapshots: show("snapshots"),
          disk_mb: show("disk_mb"),
        };
      },
    );
  };
}
