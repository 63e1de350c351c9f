import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HubOptions } from "@amulet-ts/files";
import { afterEach, beforeEach } from "vitest";
import { tinyConfig } from "../models/tiny-folder.js";
import { HubServer, sha256 } from "./hub-server.js";

export const latestCommit = "a".repeat(40);
export const olderCommit = "b".repeat(40);
export const repositoryId = "acme/tiny";

/** Bytes that depend on their position, so that a misplaced piece shows. */
export function makeBytes(length: number, seed: number): Buffer {
  let state = seed * 2654435761 + 1;
  return Buffer.from(
    new Uint8Array(length).map(() => {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      return state >>> 24;
    }),
  );
}

const json = (value: unknown) => Buffer.from(JSON.stringify(value));

/** A checkpoint with the things a repository has beside it. */
export const checkpointFiles: Record<string, Buffer> = {
  ".gitattributes": Buffer.from("*.safetensors filter=lfs\n"),
  "README.md": Buffer.from("# tiny\n"),
  "chat_template.jinja": Buffer.from("{{ messages }}"),
  "config.json": json(tinyConfig),
  "generation_config.json": json({ eos_token_id: 2 }),
  "model.safetensors": makeBytes(300_000, 1),
  "onnx/model.onnx": Buffer.from("onnx"),
  "pytorch_model.bin": Buffer.from("pickle"),
  "special_tokens_map.json": json({ additional_special_tokens: [] }),
  "tokenizer.json": json({ model: {} }),
  "tokenizer_config.json": json({}),
};

export const wantedFiles = [
  "chat_template.jinja",
  "config.json",
  "generation_config.json",
  "model.safetensors",
  "special_tokens_map.json",
  "tokenizer.json",
  "tokenizer_config.json",
];

export interface HubFixture {
  server: HubServer;
  cache: string;
  /** Pauses that the client asked for, in milliseconds. */
  pauses: number[];
  options(more?: HubOptions): HubOptions;
  /** Path of something in the repository's cache folder. */
  inCache(...names: string[]): string;
}

/** A fresh hub holding {@link checkpointFiles} and a fresh cache for each test; nothing of this machine is read. */
export function useHub(): HubFixture {
  const fixture: HubFixture = {
    server: new HubServer(),
    cache: "",
    pauses: [],
    options: (more = {}) => ({
      endpoint: fixture.server.endpoint,
      cacheFolder: fixture.cache,
      environment: { HF_HOME: join(fixture.cache, "no-home") },
      wait: async (milliseconds) => {
        fixture.pauses.push(milliseconds);
      },
      ...more,
    }),
    inCache: (...names) => join(fixture.cache, "models--acme--tiny", ...names),
  };
  beforeEach(async () => {
    fixture.server = await new HubServer().start();
    fixture.cache = await mkdtemp(join(tmpdir(), "hub-"));
    fixture.pauses = [];
    fixture.server.repositories[repositoryId] = {
      commits: { [latestCommit]: checkpointFiles },
      refs: { main: latestCommit },
    };
  });
  afterEach(async () => {
    await fixture.server.stop();
    await rm(fixture.cache, { recursive: true, force: true });
  });
  return fixture;
}

/** Hashes of files below a folder, links followed: comparing large contents themselves is slow. */
export async function hashAll(folder: string, names: readonly string[]): Promise<Record<string, string>> {
  const contents = await Promise.all(names.map((name) => readFile(join(folder, name))));
  return Object.fromEntries(names.map((name, index) => [name, sha256(contents[index]!)]));
}

/** What {@link hashAll} should give. */
export function hashesOf(files: Record<string, Buffer>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, sha256(files[name]!)]));
}

export function pick(files: Record<string, Buffer>, names: readonly string[]): Record<string, Buffer> {
  return Object.fromEntries(names.map((name) => [name, files[name]!]));
}
