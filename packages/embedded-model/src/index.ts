import { fileURLToPath } from "node:url";

/** Where the model lies that ships with this package: a folder in Hugging Face's layout. */
export const embeddedModelFolder = fileURLToPath(new URL("../model", import.meta.url));
