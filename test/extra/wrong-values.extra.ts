/** The same as in `npm test`, with more cases. */
import { tryWrongValues } from "../wrong-values/suite.js";

tryWrongValues({ core: 10_000, models: 2000 });
