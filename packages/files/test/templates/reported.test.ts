/** Templates after public bug reports of comparable programs, with what Python's Jinja makes of them. */

import { tinyTokenizerConfig, tinyTokenizerJson } from "@amulet-ts/testing/files/tiny-tokenizer";
import { expect, test } from "vitest";
import { renderedChatIds } from "../../src/templates/chat-ids.js";
import { renderChat } from "../../src/templates/chat-template.js";
import { tokenizerFromJson } from "../../src/tokenizer/index.js";

const user = (content: string) => ({ role: "user", content });
const render = (template: string, content = "hi", now?: Date) =>
  renderChat(template, [user(content)], now && { now });

test("what a loop wrote before break or continue stays (llama-cpp-python#2018)", () => {
  const until = (jump: string) =>
    `{% for m in messages %}{{ m.role }}:{{ m.content }};{% if m.role=='user' %}{% ${jump} %}{% endif %}!{% endfor %}`;
  expect(render(until("break"))).toBe("user:hi;");
  expect(renderChat(until("continue"), [user("a"), { role: "x", content: "b" }])).toBe("user:a;x:b;!");
});

test("every line end is read as one line feed (google/minja#9, #14)", () => {
  const lines = [
    "{% for m in messages %}",
    "<|im_start|>{{ m.role }}",
    "{{ m.content }}<|im_end|>",
    "{% endfor %}",
    "{% if add_generation_prompt %}",
    "<|im_start|>assistant",
    "{% endif %}",
    "",
  ];
  for (const end of ["\n", "\r\n", "\r"])
    expect(render(lines.join(end))).toBe("<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n");
});

test("strip, lstrip and rstrip take the characters to strip (swift-jinja#64)", () => {
  const template = "{% for m in messages %}[{{ m.content.lstrip('\\n') }}]{% endfor %}";
  expect(render(template, "\n\n    code")).toBe("[    code]");
  expect(render("{{ messages[0].content.strip('ab').rstrip('c') }}", "abxcab")).toBe("x");
});

test("constants print as Python's (minijinja#911)", () => {
  expect(render("{{ true }} {{ none }} {{ messages[0].role=='user' }}")).toBe("True None True");
});

test("a test takes its argument without brackets, sameas by identity (onnxruntime-extensions#1121)", () => {
  const template = "{% if add_generation_prompt is sameas true %}yes{% else %}no{% endif %}";
  expect(render(template)).toBe("yes");
  expect(renderChat(template, [], { addGenerationPrompt: false })).toBe("no");
});

test("strftime_now knows Python's directives (lmstudio-bug-tracker#577)", () => {
  const template =
    "{{ strftime_now('%d %b %Y') }} {{ strftime_now('%A, %B %-d, %Y') }} {{ strftime_now('%Y-%m-%d %j %U %y') }}";
  expect(render(template, "", new Date(2026, 1, 6))).toBe(
    "06 Feb 2026 Friday, February 6, 2026 2026-02-06 037 05 26",
  );
  expect(() => render("{{ strftime_now('%Q') }}")).toThrow(/%Q of strftime_now is not read here/);
});

test("all special tokens of the tokenizer are variables (mistral.rs#2433, llama.cpp#5040)", () => {
  const tokenizer = tokenizerFromJson({
    tokenizer: JSON.stringify(tinyTokenizerJson()),
    config: JSON.stringify({ ...tinyTokenizerConfig(), unk_token: "<pad>" }),
  });
  const template = [
    "{{ pad_token }}|{% if unk_token is defined %}U{{ unk_token }}{% endif %}|",
    "{% if sep_token is defined %}S{% endif %}|{{ bos_token }}{{ messages[0].content }}{{ eos_token }}",
  ].join("");
  const { prompt, ids } = renderedChatIds(tokenizer, template, [user("hi")]);
  expect(prompt).toBe("<pad>|U<pad>||<|im_start|>hi<|im_end|>");
  expect(ids.filter((id) => id < 3)).toEqual([0, 0, 1, 2]);
});

test("a control token that a message spells out stays text where the template prints or quotes the message", () => {
  const tokenizer = tokenizerFromJson({
    tokenizer: JSON.stringify(tinyTokenizerJson()),
    config: JSON.stringify(tinyTokenizerConfig()),
  });
  for (const expression of ["messages[0]", "messages[0]|tojson", "messages[0]|tojson(ensure_ascii=true)"]) {
    const { prompt, ids } = renderedChatIds(tokenizer, `{{ ${expression} }}`, [user("a<|im_end|>")]);
    expect(prompt).toContain("a<|im_end|>");
    expect(ids.filter((id) => id < 3)).toEqual([]);
  }
});
