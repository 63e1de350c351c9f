/** The process that looks for graphics cards: `node choose-process.js`. What it finds goes to the parent. */
import { candidateBackends } from "@amulet-ts/backends";

process.send!(await candidateBackends(), () => process.exit());
