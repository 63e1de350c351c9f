"""Writes expected.json: what the Rust library `tokenizers` makes of components.json.

    python -m venv oracle && oracle/bin/pip install tokenizers==0.23.3
    oracle/bin/python oracle.py
"""

import json
import pathlib

from tokenizers import Tokenizer

HERE = pathlib.Path(__file__).parent
GIVEN = json.loads((HERE / "components.json").read_text("utf-8"))
# Between words and between ids and text; no text of ours has it.
SEPARATOR = "\u241f"

FLAGS = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}


def tokenizer(vocab, merges, **parts):
    added = [{**FLAGS, **token} for token in parts.pop("added", [])]
    model = {"type": "BPE", "vocab": vocab, "merges": merges, **parts.pop("model", {})}
    empty = {"normalizer": None, "pre_tokenizer": None, "post_processor": None, "decoder": None}
    return Tokenizer.from_str(
        json.dumps({"version": "1.0", "added_tokens": added, **empty, **parts, "model": model})
    )


def words(record):
    cut = tokenizer({"a": 0}, [], pre_tokenizer=record).pre_tokenizer
    return [SEPARATOR.join(word for word, _ in cut.pre_tokenize_str(text)) for text in GIVEN["texts"]]


def normalized(record):
    normalizer = tokenizer({"a": 0}, [], normalizer=record).normalizer
    return [normalizer.normalize_str(text) for text in GIVEN["texts"]]


def encoded(record):
    made = tokenizer(GIVEN["vocab"], GIVEN["merges"], **record)
    return [encode(made, text) for text in GIVEN["texts"]]


def encode(made, text):
    try:
        ids = made.encode(text, add_special_tokens=False).ids
    except BaseException:  # a Rust panic is no Exception
        return None
    return SEPARATOR.join([*map(str, ids), made.decode(ids, skip_special_tokens=False)])


KINDS = {"preTokenizers": words, "normalizers": normalized, "tokenizers": encoded}
expected = {kind: {name: of(record) for name, record in GIVEN[kind].items()} for kind, of in KINDS.items()}
(HERE / "expected.json").write_text(json.dumps(expected, ensure_ascii=False, indent=2) + "\n", "utf-8")
