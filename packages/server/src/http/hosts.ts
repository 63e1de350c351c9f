import { isIP } from "node:net";
import { ServerError } from "../errors.js";

/** Whether only this machine reaches a server that listens at `host`. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

/**
 * A page may give its own name this machine's address (DNS rebinding); to the browser, the server then belongs to the page.
 * What such a page sends names the page's host: this machine's names and addresses are let pass, no others.
 *
 * @throws ServerError `foreign-host`
 */
export function checkHost(header: string | undefined): void {
  if (header === undefined) return;
  const name = header
    .replace(/:\d+$/, "")
    .replace(/^\[(.*)\]$/, "$1")
    .toLowerCase();
  if (isIP(name) !== 0 || /^(.+\.)?localhost\.?$/.test(name)) return;
  throw new ServerError(
    "foreign-host",
    `This server is for this machine alone and was asked as ${JSON.stringify(name.slice(0, 80))}. Ask it as localhost, or ` +
      "start it with a key: then it is answered under any name.",
  );
}
