/** `GET /v1/models` and `/health`. */
import * as v from "valibot";

export const modelSchema = v.object({
  id: v.string(),
  object: v.literal("model"),
  created: v.number(),
  owned_by: v.string(),
  /** `top`: the engine gives the most probable tokens alone, and Amulet past x = 1 takes a budget or a mask. */
  amulet: v.object({ coverage: v.picklist(["whole", "top"]) }),
});
export type ModelBody = v.InferOutput<typeof modelSchema>;

export const modelListSchema = v.object({ object: v.literal("list"), data: v.array(modelSchema) });

export const healthSchema = v.object({ status: v.literal("ok") });
