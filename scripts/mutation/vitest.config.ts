import { resolve, test } from "../../vitest.shared.js";

/** Names of test files of packages/core, such as `decode decode-events`: they alone then judge. */
const { AMULET_MUTATION_TESTS: names = "" } = process.env;
const chosen = names.split(" ").filter(Boolean);

/** The tests that judge packages/core. */
const all = ["packages/core/test/**/*.test.ts", "packages/verify/test/core.test.ts"];

const include = chosen.length === 0 ? all : chosen.map((name) => `packages/core/test/${name}.test.ts`);

export default { resolve, test: { ...test, include } };
