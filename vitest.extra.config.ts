import base from "./vitest.config.js";

/** Tests that need more than a clone: real checkpoints beside it. `npm run test:extra`. */
export default {
  ...base,
  test: {
    ...base.test,
    include: ["test/extra/*.extra.ts", "packages/*/test/extra/*.extra.ts"],
    testTimeout: 600_000,
  },
};
