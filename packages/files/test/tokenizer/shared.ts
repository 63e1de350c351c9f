import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** A path beside the project's folder, where fixtures too large or too foreign for it may lie. */
export function sharedPath(path: string): string {
  return fileURLToPath(new URL(`../../../../../shared/${path}`, import.meta.url));
}

export function hasShared(...paths: string[]): boolean {
  return paths.every((path) => existsSync(sharedPath(path)));
}

export function readShared(path: string): string {
  return readFileSync(sharedPath(path), "utf8");
}
