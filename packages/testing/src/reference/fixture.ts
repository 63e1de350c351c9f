import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The path of something in this package's `fixtures`; the README there says where each came from. */
export function fixture(path: string): string {
  return fileURLToPath(new URL(`../../fixtures/${path}`, import.meta.url));
}

export function readFixture<T>(path: string): T {
  return JSON.parse(readFileSync(fixture(path), "utf8"));
}
