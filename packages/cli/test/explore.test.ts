/** `amulet explore` serves the page to this machine until it is ended. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { amulet } from "@amulet-ts/testing/cli/fake-io";
import { expect, test } from "vitest";

async function whileServed(words: readonly string[], look: (url: string) => Promise<void>) {
  let looked: Promise<void> | undefined;
  const outcome = await amulet(["explore", ...words], {
    isTTY: false,
    onWrite: (text, interrupt) => {
      const [url] = /http:\S+\//.exec(text) ?? [];
      if (url) looked ??= look(url.replace(/".*/, "")).finally(interrupt);
    },
  });
  await looked;
  return outcome;
}

test("the page comes with what threads need, its model in parts, and nothing beside it", async () => {
  await whileServed([], async (url) => {
    expect(new URL(url).hostname).toBe("127.0.0.1");
    const page = await fetch(url);
    expect(await page.text()).toContain('<main id="page">');
    expect(page.headers.get("cross-origin-opener-policy")).toBe("same-origin");
    expect(page.headers.get("cross-origin-embedder-policy")).toBe("require-corp");
    const part = await fetch(`${url}model/model.safetensors`, { headers: { range: "bytes=8-15" } });
    expect([part.status, (await part.arrayBuffer()).byteLength]).toEqual([206, 8]);
    expect(part.headers.get("content-range")).toMatch(/^bytes 8-15\/\d+$/);
    expect((await fetch(`${url}%2e%2e/package.json`)).status).toBe(404);
    expect((await fetch(`${url}index.js`)).status).toBe(404);
    expect((await fetch(url, { method: "POST" })).status).toBe(405);
  });
});

test("with --json the address is one object", async () => {
  const { stdout } = await whileServed(["--json"], async () => {});
  expect(JSON.parse(stdout).url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
});

test("a port that is taken gives a sentence", async () => {
  const other = createServer();
  await new Promise<void>((listening) => other.listen(0, "127.0.0.1", listening));
  const { port } = other.address() as AddressInfo;
  const { status, stderr } = await amulet(["explore", "--port", String(port)]);
  other.close();
  expect(status).toBe(1);
  expect(stderr).toMatch(new RegExp(`can't be served on port ${port}: .*--port`));
});
