/** `node settings-page.ts`: writes the table of settings in docs/settings.md anew, from the code. A test holds the page to it. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { listSettings } from "./settings.ts";

export const SETTINGS_PAGE = join(import.meta.dirname, "../../../docs/settings.md");

const TABLE = /^\| setting \|.*\n(?:\|.*\n)+/m;

/** The page with its table as the code has it; all else stays. */
export function withSettingsTable(page: string): string {
  const rows = listSettings({}).map(({ name, default: byDefault, description }) => {
    const shown = byDefault === "" ? "–" : `\`${byDefault}\``;
    return `| \`${name}\` | ${shown} | ${description} |\n`;
  });
  if (!TABLE.test(page)) throw new Error("docs/settings.md has no table of settings");
  return page.replace(TABLE, () => `| setting | default | what it is |\n|---|---|---|\n${rows.join("")}`);
}

if (import.meta.main) await writeFile(SETTINGS_PAGE, withSettingsTable(await readFile(SETTINGS_PAGE, "utf8")));
