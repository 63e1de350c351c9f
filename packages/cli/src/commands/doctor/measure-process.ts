/** The process in which one backend is measured: `node measure-process.js NAME FOLDER`. Its result goes to the parent. */
import { BackendError } from "@amulet-ts/backends";
import { measureBackend } from "./measure-backend.js";

const [name, folder] = process.argv.slice(2);

try {
  process.send!({ measurement: await measureBackend(name!, folder!) });
} catch (error) {
  const code = error instanceof BackendError ? error.code : "failed";
  process.send!({ code, why: error instanceof Error ? error.message : String(error) });
}
// A library's own threads would keep the process.
process.disconnect();
process.exit();
