/**
 * A process that has no file descriptors left: it runs a command once with as many as it likes, and then with a few.
 * Writes what came of each as a line of JSON. Arguments: a folder to write to, then the command's words; `{out}` in them
 * becomes a fresh place in that folder.
 */
import { closeSync, openSync, readdirSync, readlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { main } from "../../packages/cli/dist/main.js";

const [folder, ...words] = process.argv.slice(2);
const wordsFor = (name) => words.map((word) => word.replace("{out}", join(folder, name)));

/**
 * Files that are open, by their paths; threads have pipes of their own, which come and go, and read /proc/self/maps, in C's
 * library, when they start.
 */
const openFiles = () =>
  readdirSync("/proc/self/fd").flatMap((number) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${number}`);
      return path.startsWith("/") && !/^\/(dev|proc)\//.test(path) ? [path] : [];
    } catch {
      return [];
    }
  });

/** Takes all descriptors but `free` of them. */
function takeAllBut(free) {
  const taken = [];
  try {
    for (;;) taken.push(openSync("/dev/null", "r"));
  } catch {}
  for (const one of taken.splice(0, free)) closeSync(one);
  return taken;
}

async function run(name) {
  const said = { stdout: "", stderr: "" };
  const to = (stream) => ({
    write: (text) => {
      said[stream] += text;
    },
  });
  const { signal } = new AbortController();
  const io = {
    stdout: to("stdout"),
    stderr: to("stderr"),
    environment: process.env,
    signal,
    readInput: async () => "",
  };
  return { status: await main(wordsFor(name), io), ...said };
}

const tell = (what) => writeSync(1, `${JSON.stringify(what)}\n`);

// Whatever is imported late, or held from the first time on, is there now.
for (const name of ["first", "second"]) await run(name);
for (const free of [0, 1, 2, 4, 8]) {
  const taken = takeAllBut(free);
  const outcome = await run(`with-${free}`);
  for (const one of taken) closeSync(one);
  tell({ free, ...outcome, left: openFiles() });
}
tell({ free: Infinity, ...(await run("last")), left: openFiles() });
process.exit(0);
