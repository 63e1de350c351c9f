import {
  chatMlTemplate,
  tinySentencePieceMetadata,
  tinyTokenizerConfig,
  tinyTokenizerJson,
} from "@amulet-ts/testing/files/tiny-tokenizer";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { renderedChatIds } from "../../src/templates/chat-ids.js";
import { type ChatMessage, findChatTemplate, renderChat } from "../../src/templates/chat-template.js";
import { tokenizerFromGguf, tokenizerFromJson } from "../../src/tokenizer/index.js";

const tokenizer = tokenizerFromJson({
  tokenizer: JSON.stringify(tinyTokenizerJson()),
  config: JSON.stringify(tinyTokenizerConfig()),
});
const end = 2;
const user = (content: string): ChatMessage => ({ role: "user", content });

const trimming = chatMlTemplate.replace("message['content']", "message['content'] | trim");
/** Joins what is left when a word is taken out: the way a control token could be forged. */
const joining = chatMlTemplate.replace("message['content']", "message['content'].replace('<think>', '')");
/** Looks into the message, as templates of thinking models do. */
const thinking = chatMlTemplate.replace("message['content']", "message['content'].split('</think>')[-1]");
const templates: [string, string][] = [
  ["as it is", chatMlTemplate],
  ["trimmed", trimming],
  ["joined", joining],
  ["cut", thinking],
];

const hostileText = fc
  .array(
    fc.constantFrom(
      "<|im_end|>",
      "<|im_",
      "end|>",
      "<think>",
      "</think>",
      "<|",
      " ",
      "hi",
      "\ue000",
      "日",
      "\n",
    ),
    {
      maxLength: 8,
    },
  )
  .map((parts) => parts.join(""));
const harmlessText = fc
  .array(fc.constantFrom("the", " ", "<", "|", "<b>", "</think>", "🙂", "\ue000", "\n", "user", "a|>"), {
    maxLength: 10,
  })
  .map((parts) => parts.join(""))
  .filter((text) => !text.includes("<|"));

describe.each(templates)("a chat whose template puts the message %s", (_, template) => {
  it("has no control token that the template did not write, whatever a message spells", () => {
    const written = renderedChatIds(tokenizer, template, [user("hi")]).ids.filter((id) => id < 3);
    fc.assert(
      fc.property(hostileText, (content) => {
        const { ids, prompt } = renderedChatIds(tokenizer, template, [user(content)]);
        expect(ids.filter((id) => id < 3)).toEqual(written);
        expect(tokenizer.decode(ids)).toBe(prompt);
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it("is, for harmless messages, the rendered prompt encoded with its control tokens parsed", () => {
    fc.assert(
      fc.property(harmlessText, harmlessText, (first, second) => {
        const messages = [user(first), { role: "assistant", content: second }];
        const prompt = renderChat(template, messages);
        const chat = renderedChatIds(tokenizer, template, messages);
        expect(chat).toEqual({ prompt, ids: tokenizer.encode(prompt, { parseSpecial: true }) });
      }),
      { seed: 2, numRuns: 300 },
    );
  });
});

describe("a chat", () => {
  it("shows a spelled-out control token in the prompt as it was written", () => {
    const { prompt, ids } = renderedChatIds(tokenizer, chatMlTemplate, [user("a<|im_end|>b")]);
    expect(prompt).toBe("<|im_start|>user\na<|im_end|>b<|im_end|>\n<|im_start|>assistant\n");
    expect(ids.filter((id) => id === end)).toHaveLength(1);
  });

  it("merges across the boundary of template and message", () => {
    const template = "{% for m in messages %}{{ 't' + m.content }}{% endfor %}";
    const { ids } = renderedChatIds(tokenizer, template, [user("he")]);
    expect(ids.map((id) => tokenizer.piece(id))).toEqual(["the"]);
  });

  it("lets a template build a control token from a role", () => {
    const template = "{% for m in messages %}{{ '<|im_' + m.role + '|>' + m.content }}{% endfor %}";
    const { ids } = renderedChatIds(tokenizer, template, [{ role: "end", content: "<|im_end|>" }]);
    expect(ids.filter((id) => id === end)).toHaveLength(1);
    expect(ids[0]).toBe(end);
  });

  it("without a template is the plain text, with a line that says so", () => {
    const chat = renderedChatIds(tokenizer, undefined, [user("the <|im_end|>"), user("is")]);
    expect(chat.prompt).toBe("the <|im_end|>\n\nis");
    expect(chat.ids).not.toContain(end);
    expect(chat.note).toMatch(/no chat template/);
  });

  it("leaves the generation prompt away when told so", () => {
    expect(renderChat(chatMlTemplate, [user("hi")], { addGenerationPrompt: false })).toBe(
      "<|im_start|>user\nhi<|im_end|>\n",
    );
  });
});

describe("the begin token", () => {
  const llama = tokenizerFromGguf(tinySentencePieceMetadata());
  const messages = [user("the in")];

  it("is put before a prompt once, whether the template writes it or not", () => {
    const content = "{% for m in messages %}{{ m.content }}{% endfor %}";
    for (const template of [content, `{{ bos_token }}${content}`, undefined]) {
      const { ids } = renderedChatIds(llama, template, messages);
      expect(ids.filter((id) => id === llama.beginToken)).toHaveLength(1);
      expect(ids[0]).toBe(llama.beginToken);
    }
  });

  it("is not added where the model wants none", () => {
    const { ids } = renderedChatIds(tokenizer, undefined, messages);
    expect(ids[0]).not.toBe(tokenizer.beginToken);
  });

  it("is taken from the post-processor where the config does not say", () => {
    const json = tinyTokenizerJson();
    const single = [{ SpecialToken: { id: "<pad>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }];
    const post_processor = { type: "Sequence", processors: [{ ...json.post_processor, single }] };
    const begun = tokenizerFromJson({ tokenizer: JSON.stringify({ ...json, post_processor }) });
    expect([begun.beginToken, begun.addsBeginToken]).toEqual([0, true]);
  });
});

describe("the template", () => {
  it("comes from its own file, the config (a text or a list) or GGUF metadata", () => {
    const named = (name: string, template: string) => ({ name, template });
    const config = { chat_template: "c" };
    expect(findChatTemplate({ jinja: "j", config })).toEqual({ source: "j", from: "chat_template.jinja" });
    expect(findChatTemplate({ config })?.source).toBe("c");
    const list = [named("tool_use", "t"), named("default", "d")];
    expect(findChatTemplate({ config: { chat_template: list } })).toEqual({
      source: "d",
      from: "chat_template of tokenizer_config.json",
    });
    expect(findChatTemplate({ metadata: new Map([["tokenizer.chat_template", "g"]]) })?.source).toBe("g");
    expect(findChatTemplate({ config: {}, metadata: new Map() })).toBeUndefined();
  });

  it.each([
    ["unclosed", "{% for m in messages %}"],
    ["no Jinja at all", "{{ '"],
    ["raising", "{{ raise_exception('Only user and assistant roles are supported') }}"],
    ["calling what is not there", "{{ nothing_here() }}"],
  ])("that is bad (%s) is a bad-template error", (_, template) => {
    const render = () => renderChat(template, [user("hi")]);
    expect(render).toThrow(expect.objectContaining({ name: "FilesError", code: "bad-template" }));
  });

  it("says why it refused", () => {
    const template = "{{ raise_exception('roles must alternate') }}";
    expect(() => renderChat(template, [user("hi")])).toThrow(/refused these messages: roles must alternate/);
  });

  it("has the functions that templates of models use", () => {
    const template =
      "{{ strftime_now('%Y') | length }} {{ {'a': 1} | tojson }} {{ bos_token }} {{ range(3) | list | length }}";
    expect(renderChat(template, [], { specialTokens: { bos_token: "<s>" } })).toBe('4 {"a": 1} <s> 3');
  });
});
