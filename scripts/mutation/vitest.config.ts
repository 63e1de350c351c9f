import base from "../../vitest.config.js";

/** The tests that judge packages/core. */
export default {
  ...base,
  test: { ...base.test, include: ["packages/core/test/**/*.test.ts", "packages/verify/test/core.test.ts"] },
};
