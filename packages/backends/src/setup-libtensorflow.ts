/** `amulet doctor --setup-libtensorflow` for programs. Its code is loaded when it is called: it runs on Node alone. */
import type { LibraryKind } from "./libtensorflow/folder.js";
import type { SetupOptions, SetupResult } from "./libtensorflow/setup.js";

export type { LibraryKind, SetupOptions, SetupResult };

/**
 * Builds TensorFlow.js' binding against a current libtensorflow, in a folder of the user's cache.
 * @throws BackendError `failed-setup`
 */
export async function setUpLibtensorflow(options: SetupOptions): Promise<SetupResult> {
  return (await import("./libtensorflow/setup.js")).setUp(options);
}

/** Takes it away again. Resolves to whether there was something. */
export async function undoLibtensorflow(kind: LibraryKind): Promise<boolean> {
  return (await import("./libtensorflow/setup.js")).undo(kind);
}
