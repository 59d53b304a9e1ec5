/** `node hold.ts HOME`: a launcher's stand-in, which starts the PostgreSQL of a home, prints its process id, and stays. */
import { readSettings } from "../../settings.ts";
import { layoutOf, startPostgres, untilReady } from "../server.ts";

const settings = readSettings({ ...process.env, ROOST_HOME: process.argv[2], DATABASE_URL: undefined });
const layout = await layoutOf(settings);
const never = new AbortController().signal;
const server = await startPostgres(settings, layout, () => {}, never);
server.stdout?.resume();
server.stderr?.resume();
await untilReady(layout, never);
process.stdout.write(`${server.pid}\n`);
setInterval(() => {}, 60_000);
