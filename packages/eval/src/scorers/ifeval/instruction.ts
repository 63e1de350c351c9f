/** An instruction that can be verified, with its parameters: as configs, data sets and folders of runs have it. */
import * as v from "valibot";
import { type IfevalId, ifevalInstructions } from "./instructions.js";

/** `id` and the instruction's own parameters beside it. */
export interface Instruction {
  readonly id: IfevalId;
  readonly [parameter: string]: unknown;
}

const kinds = Object.entries(ifevalInstructions).map(([id, { parameters }]) =>
  v.strictObject({ id: v.literal(id), ...(parameters as v.ObjectEntries) }),
);

/** Refuses unknown ids, and parameters that are missing, unknown or of another kind. */
export const instructionSchema = v.variant("id", kinds as never) as unknown as v.GenericSchema<Instruction>;

/** Whether a text does what the instruction says; a blank text does nothing. */
export function follows(text: string, { id, ...parameters }: Instruction): boolean {
  return text.trim() !== "" && ifevalInstructions[id].follows(text, parameters as never);
}

/**
 * IFEval's loose reading: the text, or what remains of it without its first line, its last, both, and without
 * asterisks.
 */
export function followsLoosely(text: string, instruction: Instruction): boolean {
  const lines = text.split("\n");
  const cuts = [lines, lines.slice(1), lines.slice(0, -1), lines.slice(1, -1)].map((cut) => cut.join("\n"));
  const trimmed = [cuts[0]!, ...cuts.slice(1).map((cut) => cut.trim())];
  return [...trimmed, ...trimmed.map((cut) => cut.replaceAll("*", ""))].some((one) =>
    follows(one, instruction),
  );
}

/**
 * The instructions of a row as IFEval's data set has them: ids beside as many objects of parameters, in which those of
 * other instructions may be null.
 *
 * @returns undefined for a row without them
 * @throws valibot's error
 */
export function readInstructions(row: Readonly<Record<string, unknown>>): Instruction[] | undefined {
  const { instruction_id_list: ids, kwargs } = row;
  if (!Array.isArray(ids)) return undefined;
  const given = (i: number) => Object.entries((Array.isArray(kwargs) ? kwargs[i] : undefined) ?? {});
  const instructions = ids.map((id, i) => ({
    id,
    ...Object.fromEntries(
      given(i).flatMap(([name, value]) =>
        value === null || value === undefined
          ? []
          : [[name, typeof value === "bigint" ? Number(value) : value]],
      ),
    ),
  }));
  return v.parse(v.array(instructionSchema), instructions);
}
