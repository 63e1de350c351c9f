/** The protocol as an OpenAPI document, from the schemas that requests are checked by. */
import { toJsonSchema } from "@valibot/to-json-schema";
import type * as v from "valibot";
import { chatChunkSchema, chatRequestSchema, chatResponseSchema } from "./chat.js";
import { completionRequestSchema, completionResponseSchema } from "./completions.js";
import { errorSchema } from "./errors.js";
import { healthSchema, modelListSchema, modelSchema } from "./models.js";
import {
  detokenizeRequestSchema,
  detokenizeResponseSchema,
  templateRequestSchema,
  templateResponseSchema,
  tokenizeRequestSchema,
  tokenizeResponseSchema,
} from "./tokens.js";

const schemas = {
  ChatRequest: chatRequestSchema,
  ChatResponse: chatResponseSchema,
  ChatChunk: chatChunkSchema,
  CompletionRequest: completionRequestSchema,
  CompletionResponse: completionResponseSchema,
  Error: errorSchema,
  Health: healthSchema,
  Model: modelSchema,
  ModelList: modelListSchema,
  TokenizeRequest: tokenizeRequestSchema,
  TokenizeResponse: tokenizeResponseSchema,
  DetokenizeRequest: detokenizeRequestSchema,
  DetokenizeResponse: detokenizeResponseSchema,
  TemplateRequest: templateRequestSchema,
  TemplateResponse: templateResponseSchema,
} satisfies Record<string, v.GenericSchema>;
type SchemaName = keyof typeof schemas;

const refer = (name: SchemaName) => ({ $ref: `#/components/schemas/${name}` });
const json = (name: SchemaName) => ({ "application/json": { schema: refer(name) } });
const refused = { default: { description: "What went wrong.", content: json("Error") } };

function get(summary: string, answer: SchemaName) {
  return {
    get: { summary, responses: { 200: { description: summary, content: json(answer) }, ...refused } },
  };
}

function post(summary: string, request: SchemaName, answer: SchemaName, chunk?: SchemaName) {
  const content = { ...json(answer), ...(chunk && { "text/event-stream": { schema: refer(chunk) } }) };
  return {
    post: {
      summary,
      requestBody: { required: true, content: json(request) },
      responses: { 200: { description: summary, content }, ...refused },
    },
  };
}

const paths = {
  "/v1/models": get("The model, and once more for each profile.", "ModelList"),
  "/v1/models/{id}": {
    parameters: [{ name: "id", in: "path", required: true, schema: { type: "string" } }],
    ...get("One of them.", "Model"),
  },
  "/v1/chat/completions": post("Answers a chat.", "ChatRequest", "ChatResponse", "ChatChunk"),
  "/v1/completions": post(
    "Goes on with a text.",
    "CompletionRequest",
    "CompletionResponse",
    "CompletionResponse",
  ),
  "/tokenize": post("The token ids of a text.", "TokenizeRequest", "TokenizeResponse"),
  "/detokenize": post("The text of token ids.", "DetokenizeRequest", "DetokenizeResponse"),
  "/apply-template": post("A chat as the model reads it.", "TemplateRequest", "TemplateResponse"),
  "/health": { get: { ...get("Whether the model is ready.", "Health").get, security: [] } },
};

let described: object | undefined;

export function describeApi(): object {
  described ??= {
    openapi: "3.1.0",
    info: { title: "amulet serve", version: "0.1.0" },
    security: [{ key: [] }],
    paths,
    components: {
      securitySchemes: { key: { type: "http", scheme: "bearer" } },
      schemas: Object.fromEntries(
        Object.entries(schemas).map(([name, schema]) => [name, describeSchema(schema)]),
      ),
    },
  };
  return described;
}

function describeSchema(schema: v.GenericSchema): object {
  // What JSON's schemas don't know, such as that a number is finite, JSON can't say either.
  const { $schema: _, ...described } = toJsonSchema(schema, { errorMode: "ignore", typeMode: "input" });
  return described;
}
