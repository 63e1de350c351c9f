"""Renders chat templates with Python's jinja2, set up as transformers sets it up for a model's chat template.

Standard input: a JSON list of {"template", "variables", "now"}; standard output: a JSON list of {"prompt"} or {"error"}.
"""

import json
import sys
from datetime import datetime

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


def render(case):
    try:
        template = environment(case.get("now")).from_string(case["template"])
        return {"prompt": template.render(**case["variables"])}
    except Exception as error:  # whatever a template may raise
        return {"error": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    cases = json.load(sys.stdin)
    json.dump([render(case) for case in cases], sys.stdout, ensure_ascii=True)
