/** The system's device files: what may be asked before a driver is. */
import { readdirSync } from "node:fs";

/** Whether a folder holds a name of that form; one that can't be read holds none. */
export function hasDevice(folder: string, name: RegExp): boolean {
  try {
    return readdirSync(folder).some((entry) => name.test(entry));
  } catch {
    return false;
  }
}
