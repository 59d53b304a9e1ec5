/**
 * Base images from the recipes under `images/`: a Debian folder made by mmdebstrap, turned into an ext4 file without
 * mounting anything. An image is built again only when its recipe has changed.
 */
import { mkdir, open, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LauncherFailure } from "../failure.ts";
import { contentHash } from "../files/content-hash.ts";
import { placeFolder } from "../files/durable.ts";
import { exists, readJsonObject } from "../files/presence.ts";
import { runProgram } from "../programs/run-program.ts";
import type { Settings } from "../settings.ts";
import { debianKeyring, debianSources, type Suite } from "./debian-archive.ts";
import type { Step } from "./step.ts";

interface Recipe {
  readonly suite: Suite;
  readonly packages: readonly string[];
  readonly sizeMb: number;
  readonly description: string;
}

const DOCUMENTATION = ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*"];
const KEPT = ["/usr/share/doc/*/copyright", "/usr/share/locale/locale.alias"];

export async function baseImageSteps(settings: Settings): Promise<Step[]> {
  const entries = await readdir(join(settings.checkout, "images"), { withFileTypes: true });
  const names: string[] = [];
  for (const entry of entries) {
    if (await exists(join(settings.checkout, "images", entry.name, "recipe.json"))) names.push(entry.name);
  }
  return names.sort().map((name) => baseImageStep(settings, name));
}

function baseImageStep(settings: Settings, name: string): Step {
  const place = join(settings.cache, "images", name);
  return {
    name: `image ${name}`,
    after: ["debian packages"],
    byHand: `see images/README.md: mmdebstrap with the recipe's packages, customize.sh, then mke2fs -d to ${place}/rootfs.ext4.`,
    async isDone() {
      const built = await readJsonObject(join(place, "image.json"));
      return built !== undefined && built.recipe_hash === (await recipeHash(settings, name));
    },
    async run(say, signal) {
      const recipe = await readRecipe(settings, name);
      const hash = await recipeHash(settings, name);
      await placeFolder(place, async (folder) => {
        const root = join(folder, "root");
        say("making the Debian root");
        await makeRoot(settings, name, recipe, root, say, signal);
        say("making the ext4 file");
        const image = join(folder, "rootfs.ext4");
        await makeExt4(settings, root, image, recipe.sizeMb, signal);
        await rm(root, { recursive: true });
        const { blocks } = await stat(image);
        const facts = {
          name,
          description: recipe.description,
          recipe_hash: hash,
          size_bytes: blocks * 512,
          disk_mb: recipe.sizeMb,
          created_at: new Date().toISOString(),
        };
        await writeFile(join(folder, "image.json"), `${JSON.stringify(facts, null, 2)}\n`);
      });
    },
  };
}

function recipeHash(settings: Settings, name: string): Promise<string> {
  const images = join(settings.checkout, "images");
  return contentHash([join(images, name), join(images, "mke2fs.conf"), join(images, "keys")]);
}

async function readRecipe(settings: Settings, name: string): Promise<Recipe> {
  const path = join(settings.checkout, "images", name, "recipe.json");
  const {
    suite,
    packages,
    size_mb: sizeMb,
    description,
  } = JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
  if (suite !== "bookworm" && suite !== "trixie")
    throw new LauncherFailure(`${path}: "suite" is neither bookworm nor trixie`);
  if (
    !Array.isArray(packages) ||
    !packages.every((item) => typeof item === "string" && /^[a-z0-9][a-z0-9+.-]+$/.test(item))
  ) {
    throw new LauncherFailure(`${path}: "packages" is not a list of package names`);
  }
  if (typeof sizeMb !== "number" || !Number.isInteger(sizeMb) || sizeMb < 512) {
    throw new LauncherFailure(`${path}: "size_mb" is not a whole number of at least 512`);
  }
  return { suite, packages, sizeMb, description: typeof description === "string" ? description : "" };
}

async function makeRoot(
  settings: Settings,
  name: string,
  recipe: Recipe,
  root: string,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  await runProgram(
    [
      "mmdebstrap",
      "--mode=root",
      "--variant=minbase",
      "--format=directory",
      "--architectures=amd64",
      // The keys may lie where apt's own user cannot look.
      '--aptopt=APT::Sandbox::User "root"',
      ...DOCUMENTATION.map((pattern) => `--dpkgopt=path-exclude=${pattern}`),
      ...KEPT.map((pattern) => `--dpkgopt=path-include=${pattern}`),
      `--include=${recipe.packages.join(",")}`,
      `--customize-hook=${join(settings.checkout, "images", name, "customize.sh")}`,
      recipe.suite,
      root,
      ...debianSources(recipe.suite, debianKeyring(settings, recipe.suite)),
    ],
    { env: { ...settings.environment, LC_ALL: "C.UTF-8" }, onLine: say, signal },
  );
}

/** Every sandbox has the same file system, so its UUID may be the same, too: no tool tells sandboxes apart by it. */
async function makeExt4(
  settings: Settings,
  root: string,
  image: string,
  sizeMb: number,
  signal: AbortSignal,
): Promise<void> {
  await using file = await open(image, "wx", 0o444);
  await file.truncate(sizeMb * 1024 * 1024);
  await mkdir(join(root, "lost+found"), { recursive: true, mode: 0o700 });
  const extended = "lazy_itable_init=0,lazy_journal_init=0,nodiscard,root_owner=0:0";
  await runProgram(
    ["mke2fs", "-q", "-F", "-t", "ext4", "-L", "roost", "-J", "size=16", "-E", extended, "-d", root, image],
    { env: { ...settings.environment, MKE2FS_CONFIG: join(settings.checkout, "images", "mke2fs.conf") }, signal },
  );
}
