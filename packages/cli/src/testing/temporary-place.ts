/** A home and a state folder of a test's own, so that nobody's real credentials are used, or overwritten. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TemporaryPlace extends AsyncDisposable {
  readonly path: string;
  readonly credentialsPath: string;
  readonly userConfigPath: string;
  /** What makes the command line look here, and nowhere else. */
  readonly env: Readonly<Record<string, string>>;
  /** As `./roost up` leaves them. */
  writeCredentials(content: object | string): Promise<void>;
  /** As `roost login` leaves it. */
  writeUserConfig(content: object | string): Promise<void>;
}

export async function temporaryPlace(): Promise<TemporaryPlace> {
  const path = await mkdtemp(join(tmpdir(), "roost-cli-"));
  const credentialsPath = join(path, "state", "credentials.json");
  const userConfigPath = join(path, ".config", "roost", "config.json");
  const write = async (file: string, content: object | string): Promise<void> => {
    await mkdir(join(file, ".."), { recursive: true });
    await writeFile(file, typeof content === "string" ? content : JSON.stringify(content), { mode: 0o600 });
  };
  return {
    path,
    credentialsPath,
    userConfigPath,
    env: { HOME: path, ROOST_HOME: join(path, "state"), PATH: process.env.PATH ?? "" },
    writeCredentials: (content) => write(credentialsPath, content),
    writeUserConfig: (content) => write(userConfigPath, content),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}
