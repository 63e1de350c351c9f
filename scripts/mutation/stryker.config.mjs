/** What `npm run mutate` changes and who must notice (docs/mutation-testing.md). */
const algorithm = [
  "bounded",
  "choose",
  "decode",
  "method",
  "plausibility",
  "policy",
  "random",
  "solve-strength",
  "strength",
  "strength-schedule",
];

export default {
  mutate: algorithm.map((name) => `packages/core/src/${name}.ts`),
  testRunner: "vitest",
  plugins: ["@stryker-mutator/vitest-runner"],
  vitest: { configFile: "scripts/mutation/vitest.config.ts", related: false },
  coverageAnalysis: "perTest",
  // Stryker would rewrite it with TypeScript's API, which TypeScript 7 does not have.
  tsconfigFile: "none",
  ignorePatterns: ["dist", "out", "bench", "docs"],
  tempDirName: ".stryker-tmp",
  concurrency: 1,
  timeoutMS: 8000,
  reporters: ["progress-append-only", "clear-text", "html", "json"],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  htmlReporter: { fileName: "out/mutation.html" },
  jsonReporter: { fileName: "out/mutation.json" },
  incremental: true,
  incrementalFile: "out/mutation-incremental.json",
};
