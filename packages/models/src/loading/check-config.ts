import { architectureNames, folderConfig } from "@amulet-ts/files";
import { findFamily } from "../registry.js";
import { findRewardKind } from "../rewards/reward-families.js";
import { checkValues } from "./model-definition.js";

/**
 * Refuses a config.json whose model could not be run whatever its weights are: before they are downloaded, say.
 *
 * @param where what the config is called in errors
 * @throws ModelError `unknown-architecture`, FilesError `bad-config`
 */
export function checkConfig(config: Readonly<Record<string, unknown>>, where: string): void {
  checkValues(config, where);
  findFamily("huggingface", architectureNames(config), where).readConfig(
    folderConfig(config, where, new Set()),
  );
}

/** The same for a reward model. @throws ModelError `unknown-architecture`, FilesError `bad-config` */
export function checkRewardConfig(config: Readonly<Record<string, unknown>>, where: string): void {
  checkValues(config, where);
  const { family } = findRewardKind({ names: architectureNames(config), path: where });
  family.readConfig(folderConfig(config, where, new Set()));
}
