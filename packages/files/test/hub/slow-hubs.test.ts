/** A hub that is silent, slow or endless: the cache, or a sentence, within a bound of time and size. */
import { rm } from "node:fs/promises";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { latestCommit, repositoryId, useHub } from "@amulet-ts/testing/hub/hub-fixture";
import { afterEach, describe, expect, it } from "vitest";
import { resolveModel } from "../../src/hub/index.js";

const hub = useHub();
/** Real waiting, kept short; the default is checked in settings.test.ts. */
const metadataMilliseconds = 150;
let server: Server | undefined;
let asked = 0;

afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((closed) => (server ? server.close(closed) : closed(undefined)));
  [server, asked] = [undefined, 0];
});

/** A hub that answers so. */
async function listen(answer: (path: string, response: ServerResponse) => void): Promise<string> {
  server = createServer((request, response) => {
    asked++;
    answer(request.url!, response);
  });
  await new Promise<void>((listening) => server!.listen(0, "127.0.0.1", listening));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const resolve = (endpoint: string, more = {}) =>
  resolveModel(repositoryId, hub.options({ endpoint, metadataMilliseconds, ...more }));
const info = JSON.stringify({ sha: latestCommit, siblings: [] });

/** Something every few milliseconds, for ever. */
function trickle(response: ServerResponse, text: string): void {
  response.write(text.slice(0, 1));
  const timer = setInterval(() => response.write(" "), 20);
  response.on("close", () => clearInterval(timer));
}

const manners: Record<string, (path: string, response: ServerResponse) => void> = {
  "says nothing": () => {},
  "says nothing after its head": (_, response) => response.writeHead(200).flushHeaders(),
  "sends a byte at a time": (_, response) => trickle(response.writeHead(200), info),
  "answers, then lists nothing": (path, response) => {
    if (path.includes("/revision/")) response.end(info);
  },
  "describes no file": (path, response) => {
    if (path.includes("/revision/"))
      response.end(
        JSON.stringify({
          sha: latestCommit,
          siblings: ["config.json", "tokenizer.json", "model.safetensors"].map((rfilename) => ({
            rfilename,
          })),
        }),
      );
    else if (path.includes("/tree/")) response.writeHead(404).end();
  },
};

describe("a hub that", () => {
  it.each(Object.keys(manners))("%s: a sentence after its deadline, and no second wait", async (manner) => {
    const endpoint = await listen(manners[manner]!);
    const started = performance.now();
    // Longer than the first pause between two attempts: a second one would be seen.
    await expect(resolve(endpoint, { metadataMilliseconds: 600 })).rejects.toMatchObject({
      code: "offline",
      message: expect.stringMatching(
        /No connection to 127\.0\.0\.1:\d+ \(no whole answer within 0\.6 seconds\)\. Check the network/,
      ),
    });
    // Six times the deadline is what all answers together may take.
    expect(performance.now() - started).toBeLessThan(6 * 600 + 5000);
    expect(hub.pauses).toEqual([]);
  });

  it.each(Object.keys(manners))(
    "%s: the model in the cache, whose optional files may not all be there",
    async (manner) => {
      const { path } = await resolveModel(repositoryId, hub.options());
      await rm(`${path}/chat_template.jinja`);
      const endpoint = await listen(manners[manner]!);
      expect(await resolve(endpoint)).toMatchObject({ path, fetchedBytes: 0 });
      expect(asked).toBeGreaterThan(0);
      await expect(resolve(endpoint, { refresh: true })).rejects.toMatchObject({ code: "offline" });
    },
  );

  it("lists page after page has a bound in all", async () => {
    const endpoint = await listen((path, response) => {
      if (path.includes("/revision/")) return response.end(info);
      response.setHeader("link", `<${path}>; rel="next"`);
      return setTimeout(() => response.end("[]"), 60);
    });
    // One page comes well within the deadline of one, also where other work keeps it waiting.
    await expect(resolve(endpoint, { metadataMilliseconds: 400 })).rejects.toThrow(
      /no whole answer within 2\.4 seconds, over several questions/,
    );
  });

  it.each(["/revision/", "/tree/"])(
    "never ends its %s: refused at 64 MiB, which no memory keeps",
    async (endless) => {
      const piece = Buffer.alloc(1 << 20, " ");
      let sent = 0;
      const endpoint = await listen((path, response) => {
        if (!path.includes(endless)) return response.end(info);
        const more = () => {
          while (!response.destroyed && response.write(piece)) sent++;
        };
        response.on("drain", more);
        return more();
      });
      const answer = resolve(endpoint, { metadataMilliseconds: 60_000 });
      await expect(answer).rejects.toMatchObject({
        code: "hub",
        message: expect.stringMatching(/more than 64 MiB/),
      });
      expect(sent).toBeLessThan(200);
    },
  );

  it.each([
    ["[".repeat(1e6) + "]".repeat(1e6), /makes no sense: the model's description names no commit/],
    [`{"sha":${"[".repeat(1e5)}${"]".repeat(1e5)}}`, /names no commit/],
    [`{"sha":"${"a".repeat(100)}"}`, /names no commit/],
    ["\u001b]0;title\u0007", /begins "\\u001b\]0;title\\u0007"/],
  ])("answers with strange JSON is refused", async (text, message) => {
    const endpoint = await listen((_, response) => response.end(text));
    await expect(resolve(endpoint, { metadataMilliseconds: 60_000 })).rejects.toThrow(message);
  });

  it("lists 300,000 files lists them all", async () => {
    const files = Array.from(
      { length: 300_000 },
      (_, i) => `{"type":"file","path":"${i}","size":1,"oid":"${latestCommit}"}`,
    );
    const endpoint = await listen((path, response) =>
      response.end(path.includes("/tree/") ? `[${files}]` : info),
    );
    const listed = resolve(endpoint, { metadataMilliseconds: 20_000 });
    await expect(listed).rejects.toThrow(/lacks config\.json/);
  });

  it("lists files with strange hashes lists none", async () => {
    const deep = `${"[".repeat(1e5)}${"]".repeat(1e5)}`;
    const entry = (oid: string) => `{"type":"file","path":"config.json","size":1,"oid":${oid}}`;
    const endpoint = await listen((path, response) =>
      response.end(path.includes("/tree/") ? `[${entry(deep)},${entry('{"toString":1}')}]` : info),
    );
    await expect(resolve(endpoint)).rejects.toThrow(/lacks config\.json/);
  });

  it("asks for a long pause is not waited for", async () => {
    const endpoint = await listen((_, response) => response.writeHead(429, { "retry-after": "60" }).end());
    await expect(resolve(endpoint)).rejects.toThrow(
      /refuses further requests for now \(it asks for 60 seconds\)/,
    );
    expect([asked, hub.pauses]).toEqual([1, []]);
  });
});

describe("a whole model in the cache is used, whatever the hub says", () => {
  it.each([401, 403, 404, 429, 500])("%i", async (status) => {
    const { path } = await resolveModel(repositoryId, hub.options());
    await rm(`${path}/chat_template.jinja`);
    const endpoint = await listen((_, response) => response.writeHead(status).end());
    expect((await resolve(endpoint)).path).toBe(path);
    await expect(resolve(endpoint, { refresh: true })).rejects.toMatchObject({ code: "hub" });
  });
});
