import { resolve, test } from "./vitest.shared.js";

/** The suites of `npm run test:backends`, on the one backend that `AMULET_TEST_BACKEND` names. */
export default {
  resolve,
  test: {
    ...test,
    include: [
      "packages/*/test/**/*.test.ts",
      "test/*.test.ts",
      "test/backends/*.test.ts",
      "test/extra/smollm2.extra.ts",
    ],
    setupFiles: ["test/backends/setup.ts"],
    testTimeout: 1_200_000,
    hookTimeout: 1_200_000,
    maxWorkers: 1,
  },
};
