import { resolve, test } from "./vitest.shared.js";

/** Tests that need more than a clone: real checkpoints beside it. `npm run test:extra`. */
export default {
  resolve,
  test: {
    ...test,
    include: ["test/extra/*.extra.ts", "packages/*/test/extra/*.extra.ts"],
    testTimeout: 600_000,
  },
};
