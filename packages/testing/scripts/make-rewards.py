"""Writes fixtures/rewards: heads drawn at random on the bodies of fixtures/checkpoints, and what transformers makes of them.

torch 2.15, transformers 5.24, float64. ArmoRM's gate is computed here, by its definition: the state of one token through
linear layers with ReLU between them, a softmax of the last over a temperature, times a scale; the score is the sum of
gate times reward.
"""

import json
import pathlib

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModel, LlamaForSequenceClassification, Qwen3ForSequenceClassification

fixtures = pathlib.Path(__file__).parent.parent / "fixtures"
torch.manual_seed(4)
inputs = [torch.randint(3, 288, (length,)).tolist() for length in (5, 23, 61)]


def config_of(body, labels, architecture, **more):
    values = json.loads((fixtures / "checkpoints" / body / "config.json").read_text())
    values |= {"architectures": [architecture], "id2label": {str(i): f"LABEL_{i}" for i in range(labels)}, **more}
    values |= {"label2id": {name: int(i) for i, name in values["id2label"].items()}}
    return values


def body_of(name):
    tensors = load_file(fixtures / "checkpoints" / name / "model.safetensors")
    return {key: value.double() for key, value in tensors.items() if key != "lm_head.weight"}


def write(folder, config, heads, cases):
    out = fixtures / "rewards" / folder
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    (out / "expected.json").write_text(json.dumps(cases) + "\n")
    save_file({name: value.float().contiguous() for name, value in heads.items()}, out / "heads.safetensors")


def draw(*shape, scale=0.25):
    return (scale * torch.randn(*shape)).float().double()


def sequence_classifier(folder, body, kind, labels):
    values = config_of(body, labels, kind.__name__)
    model = kind(AutoConfig.for_model(**values)).double().eval()
    heads = {"score.weight": draw(labels, 64)}
    missing, unexpected = model.load_state_dict(body_of(body) | heads, strict=False)
    assert not missing and not unexpected, (missing, unexpected)
    rate = lambda ids: model(torch.tensor([ids])).logits[0].double()
    with torch.no_grad():
        exact = [rate(ids) for ids in inputs]
        model.float()
        errors = [(rate(ids) - own).abs().max().item() for ids, own in zip(inputs, exact)]
    cases = [{"ids": ids, "heads": own.tolist(), "float32Error": error} for ids, own, error in zip(inputs, exact, errors)]
    write(folder, values, heads, cases)


def armorm(folder, body):
    sizes = {"num_objectives": 19, "gating_temperature": 10, "gating_hidden_dim": 16, "gating_n_hidden": 3}
    values = config_of(body, 1, "LlamaForRewardModelWithGating", **sizes)
    widths = [64, 16, 16, 16, 19]
    heads = {"regression_layer.weight": draw(19, 64), "reward_transform_matrix": (torch.eye(19) + draw(19, 19, scale=0.05).float()).double()}
    for i, (inside, outside) in enumerate(zip(widths, widths[1:])):
        heads[f"gating.layers.{i}.weight"] = draw(outside, inside, scale=2 if i == 3 else 0.5)
        heads[f"gating.layers.{i}.bias"] = draw(outside)
    heads["gating.logit_scale"] = torch.tensor([1.25]).double()
    model = AutoModel.from_config(AutoConfig.for_model(**values)).double().eval()
    model.load_state_dict({name.removeprefix("model."): value for name, value in body_of(body).items()})

    def rate(ids, gate_at, dtype):
        own = {name: value.to(dtype) for name, value in heads.items()}
        with torch.no_grad():
            states = model.to(dtype)(torch.tensor([ids])).last_hidden_state[0]
        rewards = own["regression_layer.weight"] @ states[-1]
        x = states[gate_at]
        for i in range(4):
            x = own[f"gating.layers.{i}.weight"] @ x + own[f"gating.layers.{i}.bias"]
            x = torch.relu(x) if i < 3 else x
        gate = torch.softmax(x / 10, dim=0) * own["gating.logit_scale"]
        products = own["gating.layers.0.weight"] @ states[gate_at]
        return rewards.double(), products.tolist(), (gate * (rewards @ own["reward_transform_matrix"])).sum().item()

    cases = []
    for ids in inputs:
        gate_at = len(ids) // 2
        rewards, products, score = rate(ids, gate_at, torch.float64)
        rounded, _, rounded_score = rate(ids, gate_at, torch.float32)
        error = max((rounded - rewards).abs().max().item(), abs(rounded_score - score))
        cases.append({"ids": ids, "gateAt": gate_at, "heads": rewards.tolist(), "products": products, "score": score, "float32Error": error})
    write(folder, values, heads, cases)


sequence_classifier("qwen3", "qwen3", Qwen3ForSequenceClassification, 1)
sequence_classifier("llama", "llama-gqa-tied", LlamaForSequenceClassification, 2)
armorm("armorm", "llama-mha-untied")
