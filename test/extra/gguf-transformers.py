"""What transformers makes of a GGUF file, dequantised to float32, as JSON: what ours is held to without it.

    pip install torch transformers gguf accelerate
    python gguf-transformers.py FOLDER FILE.gguf > NAME.transformers.json

Ids of texts, and of the prompt: a chat where there is a template, and otherwise the texts again and again, past a window of 512 tokens. Of
the prompt's logits, at some positions: the largest, every 1009th, and sums of all with signs that are the bits of their ids, so that
none goes unseen.
"""
import json
import sys

import torch
import transformers

folder, name = sys.argv[1:]
tokenizer = transformers.AutoTokenizer.from_pretrained(folder, gguf_file=name)
model = transformers.AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32).eval()

question = "How do I make a cup of tea?"
# All composed: transformers leaves out the NFC of Qwen2 where it reads a GGUF file.
texts = [
    question,
    "  def add(a, b):\n\treturn a + b  # 1,234.5\n\n\n",
    "Grüße aus Köln — ça va? Привет, 世界! こんにちは 🙂🇫🇷",
    "I'LL we've don't; x_1=0b1010 https://example.org/?q=a%20b",
    "\u200b\u00a0\r\n ... \t\t  trailing   ",
    "والسلام עברית हिन्दी ไทย ﬁ é",
]


def prompt():
    if not tokenizer.chat_template:
        return {"ids": tokenizer(" ".join(texts * 6))["input_ids"][:560]}
    turns = [{"role": "user", "content": question}]
    chat = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    return {"question": question, "ids": tokenizer(chat)["input_ids"]}


prompt = prompt()
count = len(prompt["ids"])
positions = [0, 1, 5, 20, 30, *range(count - 4, count)]
with torch.no_grad():
    batch = torch.tensor([prompt["ids"]])
    logits = model(batch, logits_to_keep=torch.tensor(positions)).logits[0].double()

places = torch.arange(logits.shape[1])
signs = torch.stack([1 - 2 * ((places >> bit) & 1) for bit in range(18)]).double()


def rounded(numbers):
    return [round(number, 5) for number in numbers.tolist()]


def row(position, logits):
    top = torch.topk(logits, 16)
    return {
        "position": position,
        "topIds": top.indices.tolist(),
        "top": rounded(top.values),
        "sampled": rounded(logits[::1009]),
        "signedSums": rounded(signs @ logits),
    }


recorded = {
    "madeBy": f"transformers {transformers.__version__}, torch {torch.__version__}",
    "texts": [{"text": text, "ids": tokenizer(text)["input_ids"]} for text in texts],
    **prompt,
    "rows": [row(position, one) for position, one in zip(positions, logits)],
}
print(json.dumps(recorded))
