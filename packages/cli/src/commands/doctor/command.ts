/** `amulet doctor`: options and help. */
import { type Command, defineCommand } from "../../command.js";
import { flag, text, type ValuesOfGroups } from "../../options/kinds.js";
import { commonOptions, modelOptions } from "../../options/shared.js";

// --gpu is about libtensorflow here.
const { backend, gpu: _, ...engineOptions } = modelOptions;

const options = {
  "Setting up": {
    "setup-libtensorflow": flag("build what --backend node needs, in a folder of the cache"),
    gpu: flag("what --backend node-gpu needs instead"),
    wheel: text("FILE", "a TensorFlow wheel that is here; without it pip downloads one"),
    undo: flag("take away what was set up"),
  },
  "One engine": engineOptions,
  Common: { backend, ...commonOptions },
};
export type DoctorValues = ValuesOfGroups<typeof options>;

export const doctor: Command = defineCommand({
  usage:
    "amulet doctor [--backend NAME] | --engine ENGINE | --setup-libtensorflow [--gpu] [--wheel FILE] [--undo]",
  summary: "the backends here, or an engine: which run, how fast, how right, and how to get the others",
  examples: [
    "amulet doctor",
    "amulet doctor --backend wasm --json",
    "amulet doctor --engine http://localhost:8000/v1",
    "amulet doctor --setup-libtensorflow",
    "amulet doctor --setup-libtensorflow --gpu --undo",
  ],
  takes: "options only",
  options,
  load: () => import("./run.js"),
});
