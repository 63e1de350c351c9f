/** Whatever is handed to core and models comes to a typed error or to an answer: nothing breaks inside, nothing is left. */
import { tryWrongValues } from "./wrong-values/suite.js";

tryWrongValues({ core: 1500, models: 300 });
