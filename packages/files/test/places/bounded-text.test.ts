/** Small files from the web and out of blobs have the bounds that they have on a disk. */
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { inBlobs } from "../../src/places/blobs.js";
import { onWeb } from "../../src/places/web.js";

let server: Server | undefined;
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((closed) => (server ? server.close(closed) : closed(undefined)));
  server = undefined;
});

async function serve(answer: (response: ServerResponse) => void): Promise<string> {
  server = createServer((_, response) => answer(response));
  await new Promise<void>((listening) => server!.listen(0, "127.0.0.1", listening));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/model`;
}

test("an answer without end is left at the bound", async () => {
  let sent = 0;
  const folder = await serve((response) => {
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(1 << 16, " "))) sent += 1 << 16;
    };
    response.on("drain", more);
    more();
  });
  const text = onWeb(folder, undefined)
    .child("config.json")
    .readText(1 << 20);
  await expect(text).rejects.toMatchObject({
    code: "not-a-model",
    message: expect.stringMatching(/longer than 1 MiB/),
  });
  expect(sent).toBeLessThan(64 << 20);
});

test("one that is as long as it may be comes whole, its characters too", async () => {
  const content = "é".repeat(1000);
  const folder = await serve((response) => {
    response.write(Buffer.from(content).subarray(0, 1001));
    setTimeout(() => response.end(Buffer.from(content).subarray(1001)), 20);
  });
  const file = onWeb(folder, undefined).child("config.json");
  expect(await file.readText(2000)).toBe(content);
  await expect(file.readText(1999)).rejects.toThrow(/longer than/);
});

test("a blob is not read beyond it", async () => {
  const file = inBlobs({ "config.json": new Blob(["12345"]) }, "a folder").child("config.json");
  expect(await file.readText(5)).toBe("12345");
  await expect(file.readText(4)).rejects.toMatchObject({ code: "not-a-model" });
});
