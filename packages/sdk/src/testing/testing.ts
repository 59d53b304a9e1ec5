/** What tests of this package and of those on top of it share. */
export { instantTiming } from "./instant-timing.ts";
export { type Answer, errorAnswer, ScriptedServer, type SeenRequest } from "./scripted-server.ts";
export { type ScriptedStream, ScriptedStreams } from "./scripted-streams.ts";
export {
  apiKeyWire,
  auditEventWire,
  execWire,
  hostWire,
  SANDBOX_ID,
  sandboxWire,
  teamInviteWire,
  teamMemberWire,
  teamWire,
  templateWire,
} from "./wire-samples.ts";
