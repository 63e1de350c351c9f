"""Logits of a Qwen2 GGUF by numpy alone: numbers by the package gguf, the forward pass by Qwen2's definition, in float64.

qwen2-reference.py FILE IDS OUT: ids by commas; OUT gets float32 logits, a row of the vocabulary for each id.
"""
import sys

import numpy as np
from gguf import GGUFReader
from gguf.quants import dequantize

path, ids, out = sys.argv[1], [int(i) for i in sys.argv[2].split(",")], sys.argv[3]
reader = GGUFReader(path)
tensors = {tensor.name: tensor for tensor in reader.tensors}


def field(name):
    return reader.fields[name].contents()


def numbers(name):
    tensor = tensors[name]
    return dequantize(tensor.data, tensor.tensor_type)


def norm(x, name):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + epsilon) * numbers(name)


def linear(x, name):
    y = x @ numbers(f"{name}.weight").astype(np.float64).T
    return y + numbers(f"{name}.bias") if f"{name}.bias" in tensors else y


epsilon = field("qwen2.attention.layer_norm_rms_epsilon")
heads, groups = field("qwen2.attention.head_count"), field("qwen2.attention.head_count_kv")
base = field("qwen2.rope.freq_base")
embedding = numbers("token_embd.weight")
x = embedding[ids].astype(np.float64)
count, width = x.shape
size = width // heads
angles = np.arange(count)[:, None] / base ** (np.arange(size // 2) * 2 / size)
cos, sin = (np.concatenate([f(angles)] * 2, 1)[:, None] for f in (np.cos, np.sin))


def turn(x):
    left, right = np.split(x, 2, -1)
    return x * cos + np.concatenate([-right, left], -1) * sin


later = np.triu(np.full((count, count), -np.inf), 1)
for block in range(field("qwen2.block_count")):
    at = f"blk.{block}."
    h = norm(x, f"{at}attn_norm.weight")
    q = turn(linear(h, f"{at}attn_q").reshape(count, heads, size))
    k = turn(linear(h, f"{at}attn_k").reshape(count, groups, size)).repeat(heads // groups, 1)
    v = linear(h, f"{at}attn_v").reshape(count, groups, size).repeat(heads // groups, 1)
    scores = np.einsum("thk,shk->hts", q, k) / np.sqrt(size) + later
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    x = x + linear(np.einsum("hts,shk->thk", weights, v).reshape(count, width), f"{at}attn_output")
    h = norm(x, f"{at}ffn_norm.weight")
    gate = linear(h, f"{at}ffn_gate")
    x = x + linear(gate / (1 + np.exp(-gate)) * linear(h, f"{at}ffn_up"), f"{at}ffn_down")

h = norm(x, "output_norm.weight")
head = "output" if "output.weight" in tensors else "token_embd"
linear(h, head).astype(np.float32).tofile(out)
