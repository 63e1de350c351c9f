"""The package openai in Python."""

import json
import sys

import openai

given = json.loads(sys.argv[1])
model, preference = given["model"], given["preference"]
client = openai.OpenAI(base_url=given["address"] + "/v1", api_key=given["key"], max_retries=8)
stranger = openai.OpenAI(base_url=given["address"] + "/v1", api_key="a wrong one")
messages = [{"role": "user", "content": given["question"]}]
steered = {"extra_body": {"amulet": {"preference": preference}}}


def ask(who=client, **change):
    asked = {"model": model, "messages": messages, "max_completion_tokens": given["maxTokens"]}
    return who.chat.completions.create(**{**asked, **change})


def text_of(answer):
    return answer.choices[0].message.content


def failure_of(act):
    try:
        act()
    except openai.APIStatusError as error:
        return {
            "name": type(error).__name__,
            "status": error.status_code,
            "code": error.code,
            "param": error.param,
            "type": error.type,
        }
    return "none"


chunks = list(ask(stream=True, stream_options={"include_usage": True}, **steered))
said = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]

heard = 0
with ask(stream=True, max_completion_tokens=200, logit_bias=given["endless"]) as left:
    for chunk in left:
        heard += bool(chunk.choices and chunk.choices[0].delta.content)
        if heard == 3:
            break

probable = ask(logprobs=True, top_logprobs=3, **steered).choices[0].logprobs.content
tools = [{"type": "function", "function": {"name": "clock", "parameters": {"type": "object", "properties": {}}}}]
continued = client.completions.create(model=model, prompt=given["question"], max_tokens=given["maxTokens"])

print(
    json.dumps(
        {
            "models": [one.id for one in client.models.list()],
            "plain": text_of(ask()),
            "preferred": text_of(ask(**steered)),
            "profile": text_of(ask(model=model + ":profile")),
            "continued": continued.choices[0].text,
            "streamed": "".join(said),
            "pieces": len(said),
            "usage": chunks[-1].usage.model_dump(),
            "probable": [one.model_dump() for one in probable],
            "heard": heard,
            "failures": {
                "key": failure_of(lambda: stranger.models.list()),
                "model": failure_of(lambda: ask(model="another")),
                "tools": failure_of(lambda: ask(tools=tools)),
            },
        }
    )
)
