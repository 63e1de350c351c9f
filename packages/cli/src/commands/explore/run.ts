/** `amulet explore`: serves the page until it is ended. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type PageServer, servePage } from "@amulet-ts/explorer";
import { reasonOf } from "@amulet-ts/files";
import type { Invocation } from "../../command.js";
import { CliError } from "../../errors.js";
import type { Io } from "../../io.js";
import { writeJson, writeLines } from "../../terminal/output.js";
import type { ExploreValues } from "./command.js";

export async function run({ values, io }: Invocation<ExploreValues>): Promise<void> {
  const { url, close } = await serve(values.port ?? 0, io.environment.HF_ENDPOINT || undefined);
  try {
    if (values.json) writeJson(io, { url });
    else writeLines(io, [`The page is at ${url}`, "Ctrl-C ends it."]);
    if (!values["no-open"] && !values.json && isSomebodyThere(io)) openBrowser(url);
    if (!io.signal.aborted) await once(io.signal, "abort");
  } finally {
    await close();
  }
}

/** @param hub as for every other command, where another one is set */
async function serve(port: number, hub: string | undefined): Promise<PageServer> {
  try {
    return await servePage(port, { hub });
  } catch (error) {
    const why = reasonOf(error);
    throw new CliError(
      "not-listening",
      `The page can't be served on port ${port}: ${why}. Another one is taken with --port, a free one without it.`,
      { cause: error },
    );
  }
}

function isSomebodyThere({ stdout, environment }: Io): boolean {
  return stdout.isTTY === true && !environment.CI;
}

/** By what each system opens addresses with; where it can't, the address stands on the screen. */
function openBrowser(url: string): void {
  const openers: Partial<Record<NodeJS.Platform, readonly string[]>> = {
    darwin: ["open"],
    win32: ["cmd", "/c", "start", ""],
  };
  const [program, ...words] = openers[process.platform] ?? ["xdg-open"];
  const opener = spawn(program!, [...words, url], { stdio: "ignore", detached: true });
  opener.on("error", () => {});
  opener.unref();
}
