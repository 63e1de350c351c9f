/** Installs and builds what is missing, in that order, and says so in a line. Nothing is done twice. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

export function prepare() {
  checkNode();
  const manifests = ["package.json", "package-lock.json", ...inPackages("package.json")];
  once(
    "node_modules/.amulet-installed",
    manifests.map(contentOf),
    "Installing packages from the npm registry",
    // Not `npm ci`, which begins by deleting node_modules, with what is kept in its .cache.
    () => run("npm", ["install", "--no-save", "--no-fund", "--no-audit", "--loglevel=error"]),
  );
  const sources = [
    "tsconfig.json",
    ...inPackages("tsconfig.json"),
    ...inPackages("src"),
    ...inPackages("assembly"),
    ...inPackages("page"),
  ];
  once("node_modules/.amulet-built", [...manifests, ...sources].map(stateOf), "Building the packages", () =>
    run(
      process.execPath,
      [join(root, "node_modules/turbo/bin/turbo"), "run", "build", "--output-logs=errors-only"],
      {
        TURBO_TELEMETRY_DISABLED: "1",
        TURBO_NO_UPDATE_NOTIFIER: "1",
      },
    ),
  );
}

/** Runs `work` unless the stamp says that it was done for this very state. */
function once(stampName, state, announcement, work) {
  const stamp = join(root, stampName);
  const digest = createHash("sha256").update(JSON.stringify(state)).digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === digest) return;
  console.error(`${announcement} …`);
  work();
  writeFileSync(stamp, digest);
}

function run(command, args, environment = {}) {
  const result = spawnSync(command, args, {
    cwd: root,
    // What it prints is progress, not output: standard output belongs to the command that follows.
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...environment },
    encoding: "utf8",
    shell: process.platform === "win32" && command === "npm",
  });
  if (result.status === 0) return;
  console.error(result.stdout ?? "");
  console.error(`\`${command} ${args.join(" ")}\` failed${result.error ? `: ${result.error.message}` : ""}.`);
  process.exit(1);
}

function checkNode() {
  const oldest = JSON.parse(contentOf("package.json")).engines.node.replace(">=", "");
  const [major, minor] = oldest.split(".").map(Number);
  const [here, hereMinor] = process.versions.node.split(".").map(Number);
  if (here > major || (here === major && hereMinor >= minor)) return;
  console.error(`Building Amulet takes Node ${oldest} or later; this is Node ${process.versions.node}.`);
  process.exit(1);
}

function inPackages(path) {
  const folders = readdirSync(join(root, "packages")).sort();
  return folders
    .map((folder) => join("packages", folder, path))
    .filter((name) => existsSync(join(root, name)));
}

const contentOf = (name) => readFileSync(join(root, name), "utf8");

/** Sizes and times of a file, or of all files below a folder. */
function stateOf(name) {
  const found = statSync(join(root, name));
  if (!found.isDirectory()) return [name, found.size, found.mtimeMs];
  return readdirSync(join(root, name))
    .sort()
    .map((child) => stateOf(join(name, child)));
}
