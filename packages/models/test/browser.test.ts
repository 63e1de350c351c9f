/** Models behind URLs and in blobs, as a page loads them; the server and the path on the disk agree on the answer. */
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname } from "node:path";
import { startBackend } from "@amulet-ts/backends";
import { place, uint32Entry, writeGguf } from "@amulet-ts/testing/files/checkpoint-writer";
import { tinyFolder } from "@amulet-ts/testing/models/tiny-folder";
import { tinyLlama, tinyLlamaFile } from "@amulet-ts/testing/models/tiny-llama";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ModelFile } from "../../files/src/formats/model-file.js";
import { onWeb } from "../../files/src/places/web.js";
import * as browser from "../src/browser.js";
import { loadModel, type Model } from "../src/index.js";

/** A request that came, as `PATH RANGE`. */
let asked: string[] = [];
let files: Record<string, Buffer | string> = {};
let server: Server;
let root = "";
let before = 0;

/** How a server treats what it has and has not. */
type Manner = "ranges" | "whole" | "page" | "changing" | "broken" | "secretive" | "stubborn";
let manner: Manner = "ranges";

beforeAll(async () => {
  await startBackend("wasm");
  server = createServer((request, response) => {
    const { pathname } = new URL(request.url!, "http://local");
    asked.push(`${pathname} ${request.headers.range ?? ""}`.trim());
    answer(decodeURIComponent(pathname).slice(1), request.headers.range, response);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  root = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => new Promise((closed) => server.close(closed)));
beforeEach(() => {
  [asked, files, manner] = [[], { "tiny.gguf": tinyLlamaFile() }, "ranges"];
  before = tf.memory().numTensors;
});
afterEach(() => expect(tf.memory().numTensors, "tensors left behind").toBe(before));

function answer(name: string, range: string | undefined, response: ServerResponse): void {
  const file = files[name] === undefined ? undefined : Buffer.from(files[name]);
  if (!file && manner === "page") response.writeHead(200, { "content-type": "text/html" }).end("<html>");
  else if (!file) response.writeHead(404).end();
  else if (manner === "broken") response.writeHead(503).end();
  else if (manner === "secretive" && range) response.writeHead(206).end(file.subarray(0, 4 << 20));
  else if (manner === "stubborn") response.writeHead(206).end(file.subarray(0, 4 << 20));
  else if (range && manner !== "whole") sendPart(file, range, response);
  else response.writeHead(200).end(file);
}

function sendPart(file: Buffer, range: string, response: ServerResponse): void {
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(range)!;
  const part = file.subarray(Number(from), Number(to) + 1);
  const size = manner === "changing" && Number(from) > 0 ? file.length + 1 : file.length;
  const contentRange = `bytes ${from}-${Number(from) + part.length - 1}/${size}`;
  response.writeHead(206, { "content-range": contentRange }).end(part);
}

async function logitsOf(model: Model): Promise<number[]> {
  using session = model.openTensorSession(1);
  const logits_BV = session.append([model.renderChat([{ role: "user", content: "this" }]).ids]);
  const logits = [...(await logits_BV.data())];
  logits_BV.dispose();
  return logits;
}

const blobs = (contents: Readonly<Record<string, Buffer | string>>) =>
  Object.fromEntries(Object.entries(contents).map(([name, content]) => [name, new Blob([content])]));

/** The tiny model as two parts of a split one. */
function splitModel(): Record<string, Buffer> {
  const { entries, tensors } = tinyLlama();
  const part = (index: number) => [
    uint32Entry("split.no", index),
    uint32Entry("split.count", 2),
    uint32Entry("split.tensors.count", tensors.length),
  ];
  return {
    "tiny-00001-of-00002.gguf": writeGguf({
      entries: [...entries, ...part(0)],
      tensors: tensors.slice(0, 5),
    }),
    "tiny-00002-of-00002.gguf": writeGguf({ entries: part(1), tensors: tensors.slice(5) }),
  };
}

describe("the logits are those of the same files on a disk", () => {
  let ofFile: number[] = [];
  let ofFolder: number[] = [];
  test("which are", async () => {
    using file = await loadModel(await place({ "tiny.gguf": tinyLlamaFile() }));
    ofFile = await logitsOf(file);
    using folder = await loadModel(dirname(await place(tinyFolder())));
    ofFolder = await logitsOf(folder);
    expect(ofFile).not.toEqual(ofFolder);
  });

  test.each(["ranges", "whole"] as const)("a GGUF file from a server with the manner %s", async (how) => {
    manner = how;
    using model = await browser.loadModel(`${root}/tiny.gguf?download=true`);
    expect(model.name).toBe("tiny");
    expect(await logitsOf(model)).toEqual(ofFile);
    expect(asked.every((line) => line.startsWith("/tiny.gguf bytes="))).toBe(true);
  });

  test("a split GGUF file", async () => {
    files = splitModel();
    using model = await browser.loadModel(new URL(`${root}/tiny-00002-of-00002.gguf`));
    expect(await logitsOf(model)).toEqual(ofFile);
  });

  test.each(["", "/"])("a sharded folder, its URL ending in “%s”", async (end) => {
    files = Object.fromEntries(
      Object.entries(tinyFolder()).map(([name, file]) => [`my models/${name}`, file]),
    );
    using model = await browser.loadModel(`${root}/my models${end}`);
    expect(model.name).toBe("my models");
    expect(await logitsOf(model)).toEqual(ofFolder);
  });

  test("a folder on a server that answers with a page for what it has not", async () => {
    [files, manner] = [tinyFolder(), "page"];
    using model = await browser.loadModel(root);
    expect(await logitsOf(model)).toEqual(ofFolder);
  });

  test("a GGUF file and a folder in blobs", async () => {
    using file = await browser.loadModel(new Blob([tinyLlamaFile()]));
    expect(await logitsOf(file)).toEqual(ofFile);
    using folder = await browser.loadModel(blobs(tinyFolder()));
    expect(await logitsOf(folder)).toEqual(ofFolder);
    expect(asked).toEqual([]);
  });
});

test("a server that hides the size of what it sends parts of is asked for the whole file", async () => {
  manner = "secretive";
  files = { "large.gguf": Buffer.concat([Buffer.alloc(5 << 20, 1), Buffer.from("end")]) };
  const file = await onWeb(`${root}/large.gguf`, undefined).open();
  expect(file.size).toBe((5 << 20) + 3);
  const last = new Uint8Array(3);
  expect(await file.read(last, 0, 5 << 20)).toBe(3);
  expect(Buffer.from(last).toString()).toBe("end");
  await file.close();
});

test("one that sends nothing but parts of unknown size is named, with the header that it lacks", async () => {
  manner = "stubborn";
  await expect(onWeb(`${root}/tiny.gguf`, undefined).open()).rejects.toMatchObject({
    code: "file-unreadable",
    message: expect.stringContaining("Access-Control-Expose-Headers: Content-Range"),
  });
});

test("a name with a % that escapes nothing stands for itself", () => {
  expect(onWeb(`${root}/100%.gguf`, undefined).name).toBe("100%.gguf");
  expect(onWeb(`${root}/100%25.gguf`, undefined).name).toBe("100%.gguf");
});

test("a file larger than a window is read in parts, none twice but what is checked after loading", async () => {
  const padding = Buffer.alloc(9 << 20, 1);
  const tail = Buffer.from("the end");
  files = { "large.gguf": Buffer.concat([padding, tail]) };
  const file = await onWeb(`${root}/large.gguf`, undefined).open();
  const read = async (position: number, length: number) => {
    const into = Buffer.alloc(length);
    for (let at = 0; at < length; ) {
      const got = await file.read(into, at, position + at);
      if (got === 0) return into.subarray(0, at);
      at += got;
    }
    return into;
  };
  expect(file.size).toBe(padding.length + tail.length);
  for (const position of [0, 10, (4 << 20) - 3, (4 << 20) + 100, padding.length - 2]) {
    const expected = files["large.gguf"]!.slice(position, position + 9);
    expect((await read(position, 9)).equals(Buffer.from(expected))).toBe(true);
  }
  expect(asked.length).toBe(3);
  expect((await read(5, 6 << 20)).length).toBe(6 << 20);
  expect(await read(file.size, 1)).toHaveLength(0);
  await file.close();
});

describe("what is wrong is one clear error", () => {
  test.each([
    ["/none.gguf", "file-not-found", "There is no file"],
    ["/folder", "not-a-model", "config.json and tokenizer.json missing"],
  ])("%s", async (path, code, sentence) => {
    await expect(browser.loadModel(root + path)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(sentence),
    });
  });

  test("no URL", async () => {
    await expect(browser.loadModel("tiny.gguf")).rejects.toMatchObject({ code: "file-not-found" });
  });

  test("no server", async () => {
    await expect(browser.loadModel("http://127.0.0.1:9/tiny.gguf")).rejects.toMatchObject({
      code: "file-unreadable",
      message: expect.stringContaining("CORS"),
    });
  });

  test("a server that is out of order", async () => {
    manner = "broken";
    await expect(browser.loadModel(`${root}/tiny.gguf`)).rejects.toMatchObject({
      code: "file-unreadable",
      message: expect.stringContaining("503"),
    });
  });

  test("a file that changes while it is read", async () => {
    files = { "large.gguf": Buffer.alloc(5 << 20) };
    manner = "changing";
    const file = await ModelFile.open(onWeb(`${root}/large.gguf`, undefined));
    await expect(file.read(new Uint8Array(8), 4_500_000, "a tensor")).rejects.toMatchObject({
      code: "file-unreadable",
      message: expect.stringContaining("no longer sends parts of the file"),
    });
  });

  test("a truncated file", async () => {
    files = { "tiny.gguf": tinyLlamaFile().subarray(0, 9000) };
    await expect(browser.loadModel(`${root}/tiny.gguf`)).rejects.toMatchObject({ code: "truncated-file" });
  });

  test("blobs that are no folder", async () => {
    await expect(browser.loadModel(blobs({ "config.json": "{}" }))).rejects.toMatchObject({
      code: "not-a-model",
    });
  });
});
