/**
 * `npm run tables`: the laws with their sources, and every planted fault with the laws that break on it, as
 * docs/verification/laws.md and faults.md. The second takes minutes: each law is tried on each fault.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { prepare, root } from "./prepare.mjs";

prepare();
const { catchFaults, listLaws, writeFaultTable, writeLawTable } = await import("@amulet-ts/verify");
const write = (name, text) => writeFileSync(join(root, "docs/verification", name), text);

write(
  "laws.md",
  `# The laws

${listLaws().length} of them, written by \`npm run tables\`; \`npx amulet verify --list\` prints the same. How they are judged is in
[verification](../verification.md).

${writeLawTable()}
`,
);

const runs = 40;
const faults = await catchFaults({ runs, seed: 20260 }, ({ name, breaks }) => {
  console.error(`${name}: ${breaks.length} laws`);
});
write(
  "faults.md",
  `# Planted faults, and what catches them

${faults.length} faults, each put alone into an implementation that keeps every law; written by \`npm run tables\`. The first law of a
row is the one that a test (\`packages/verify/test\`) requires to catch the fault; the others broke on it too, within ${runs}
cases.

${writeFaultTable(faults)}
`,
);
