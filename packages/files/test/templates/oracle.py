"""Renders chat templates with Python's jinja2, set up as transformers sets it up for a model's chat template.

Standard input: a JSON list of {"template", "variables", "now"}; standard output: a JSON list of {"prompt"} or {"error"}.
With the argument `expected` it writes expected.json instead: what every template of shapes/ makes of every chat of
chats.json, and every line of constructs.json of its variables (null where Python raises).
"""

import json
import sys
from datetime import datetime
from pathlib import Path

import jinja2
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Generation(Extension):
    """The tag of the assistant's mask; what it encloses is rendered as it is."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_render"), [], [], body).set_lineno(line)

    def _render(self, caller):
        return caller()


def to_json(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def refuse(message):
    raise jinja2.exceptions.TemplateError(message)


def environment(now):
    env = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
    )
    env.filters["tojson"] = to_json
    env.globals["raise_exception"] = refuse
    env.globals["strftime_now"] = lambda form: datetime.fromisoformat(now).strftime(form)
    return env


# What apply_chat_template passes where it is told nothing else, but for the generation prompt.
GIVEN = {"messages": [], "tools": None, "documents": None, "add_generation_prompt": True}


def render(case):
    try:
        template = environment(case.get("now")).from_string(case["template"])
        return {"prompt": template.render(**{**GIVEN, **case["variables"]})}
    except Exception as error:  # whatever a template may raise
        return {"error": f"{type(error).__name__}: {error}"}


NOW = "2026-02-06T09:05:03"
HERE = Path(__file__).parent


def read_json(name):
    return json.loads((HERE / name).read_text(encoding="utf-8"))


def prompt(template, variables):
    return render({"template": template, "variables": variables, "now": NOW}).get("prompt")


def names():
    """What Jinja and the types of Python's JSON have, by kind."""
    env = environment(NOW)

    def public(kind):
        return [name for name in dir(kind) if not name.startswith("_")]

    tags = set(jinja2.parser._statement_keywords) | {"call", "filter", "raw"}
    for extension in env.extensions.values():
        tags |= extension.tags
    return {
        "tag": sorted(tags),
        "filter": sorted(env.filters),
        "test": sorted(env.tests),
        "function": sorted(env.globals),
        "method of a text": public(str),
        "method of a list": public(list),
        "method of a dict": public(dict),
    }


def expected():
    chats, constructs = read_json("chats.json"), read_json("constructs.json")
    shapes = {path.stem: path.read_bytes().decode() for path in sorted((HERE / "shapes").glob("*.jinja"))}
    return {
        "jinja2": jinja2.__version__,
        "names": names(),
        "shapes": {
            name: {chat: prompt(shape, variables) for chat, variables in chats.items()} for name, shape in shapes.items()
        },
        "constructs": [prompt(template, constructs["variables"]) for template in constructs["templates"]],
    }


if __name__ == "__main__":
    if sys.argv[1:] == ["expected"]:
        text = json.dumps(expected(), ensure_ascii=False, indent=0, separators=(",", ":"))
        (HERE / "expected.json").write_text(text + "\n", encoding="utf-8")
    else:
        json.dump([render(case) for case in json.load(sys.stdin)], sys.stdout)
