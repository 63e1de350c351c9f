import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (name: string) => fileURLToPath(new URL(`./packages/${name}/src/index.ts`, import.meta.url));

/** Tests run against the sources: no build is needed to see a change. */
export default defineConfig({
  resolve: {
    alias: Object.fromEntries(
      ["core", "models", "backends", "verify", "lab", "cli"].map((name) => [
        `@amulet-ts/${name}`,
        source(name),
      ]),
    ),
  },
  test: {
    include: ["packages/*/test/**/*.test.ts", "test/**/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: "forks",
    maxWorkers: 2,
  },
});
