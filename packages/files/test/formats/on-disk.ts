/** The openers of formats and checkpoints on paths. */
import { openGguf as openGgufAt } from "../../src/formats/gguf.js";
import { openSafetensors as openSafetensorsAt } from "../../src/formats/safetensors.js";
import { openShardedSafetensors as openShardedAt } from "../../src/formats/sharded-safetensors.js";
import { onDisk } from "../../src/places/disk.js";

export const openGguf = (path: string) => openGgufAt(onDisk(path));
export const openSafetensors = (path: string) => openSafetensorsAt(onDisk(path));
export const openShardedSafetensors = (path: string) => openShardedAt(onDisk(path));
