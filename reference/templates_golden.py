"""Golden of chat templates in the style of the architectures that open: conversations as transformers renders them.

The templates of Qwen2.5 and Qwen3 are those that TRL ships (Apache-2.0). The other two are written for this test: one
with what Mistral's use (filters over messages, a check that roles alternate, the system turn put before the last
question), one with what Llama 3's use (a date, trimmed turns). A conversation that the template refuses is null.
Run: python reference/templates_golden.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import trl
from jinja2.exceptions import TemplateError

from common import load_tokenizer, write_golden
from tiny_golden import write_tokenizer

MISTRAL_STYLE = """
{%- if messages[0]["role"] == "system" %}
    {%- set first = messages[0]["content"] %}
    {%- set turns = messages[1:] %}
{%- else %}
    {%- set turns = messages %}
{%- endif %}
{%- if tools is not defined %}
    {%- set tools = none %}
{%- endif %}
{%- set questions = turns | selectattr("role", "equalto", "user") | list %}
{%- set seen = namespace(turns=0) %}
{%- for turn in turns | rejectattr("role", "equalto", "tool") | selectattr("tool_calls", "undefined") %}
    {%- if (turn["role"] == "user") != (seen.turns % 2 == 0) %}
        {{- raise_exception("expected user and assistant in turn") }}
    {%- endif %}
    {%- set seen.turns = seen.turns + 1 %}
{%- endfor %}
{{- bos_token }}
{%- for turn in turns %}
    {%- if turn["role"] == "user" %}
        {%- if tools is not none and turn == questions[-1] %}
            {{- "[AVAILABLE_TOOLS] " + (tools | tojson) + "[/AVAILABLE_TOOLS]" }}
        {%- endif %}
        {%- if loop.last and first is defined %}
            {{- "[INST] " + first + "\\n\\n" + turn["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " ~ turn["content"] ~ "[/INST]" }}
        {%- endif %}
    {%- elif turn.tool_calls is defined and turn.tool_calls is not none %}
        {{- raise_exception("no tools here") }}
    {%- elif turn["role"] == "assistant" %}
        {{- " " + turn["content"] | trim + eos_token }}
    {%- else %}
        {{- raise_exception("unknown role: " + turn["role"]) }}
    {%- endif %}
{%- endfor %}
"""
LLAMA_STYLE = """
{{- bos_token }}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}
        {%- set date_string = strftime_now("%d %b %Y") %}
    {%- else %}
        {%- set date_string = "26 Jul 2024" %}
    {%- endif %}
{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set opening = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set opening = "" %}
{%- endif %}
{{- "<|system|>\\nToday Date: " + date_string + "\\n\\n" + opening + "<|end|>" }}
{%- for message in messages %}
    {%- if not (message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|' + message['role'] + '|>\\n\\n'+ message['content'] | trim + '<|end|>' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|assistant|>\\n\\n' }}
{%- endif %}
"""


def turns(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"role": role, "content": content} for role, content in pairs]


CONVERSATIONS = [
    turns(("user", "What is the capital of France?")),
    turns(("system", "  Answer in one word. \n"), ("user", "What is the capital of France?")),
    turns(("user", "Hi"), ("assistant", "Hello!"), ("user", "How are you?\n"), ("assistant", " Well, thank you. ")),
    turns(("system", "Be brief."), ("user", "Hi"), ("assistant", "Hello!"), ("user", "  Und auf Deutsch? äöü 你好 👋 ")),
    turns(("user", "2 + 2?"), ("assistant", "<think>\nTwo and two.\n</think>\n\n4"), ("user", "And 3 + 3?")),
    turns(("user", "2 + 2?"), ("assistant", "<think>\nTwo and two.\n</think>\n\n4")),
    turns(("user", "Braces {{ 1 }} {% if %} and 'quotes' \"too\" <|im_end|>"), ("assistant", "")),
    turns(("user", "one"), ("user", "two")),
    turns(("assistant", "I begin.")),
]


def render(tokenizer: Any, template: str, messages: list[dict[str, str]], prompt: bool) -> str | None:
    try:
        return tokenizer.apply_chat_template(messages, chat_template=template, tokenize=False, add_generation_prompt=prompt)
    except TemplateError:
        return None


def main() -> None:
    shipped = Path(trl.__file__).parent / "chat_templates"
    templates = {
        "qwen2.5": (shipped / "qwen2_5.jinja").read_text(encoding="utf-8"),
        "qwen3": (shipped / "qwen3.jinja").read_text(encoding="utf-8"),
        "mistral-style": MISTRAL_STYLE,
        "llama3-style": LLAMA_STYLE,
    }
    with tempfile.TemporaryDirectory() as folder:
        write_tokenizer(Path(folder))
        tokenizer = load_tokenizer(folder)
    rendered = {
        name: {
            "template": template,
            "prompts": [render(tokenizer, template, messages, True) for messages in CONVERSATIONS],
            "conversations": [render(tokenizer, template, messages, False) for messages in CONVERSATIONS],
        }
        for name, template in templates.items()
    }
    write_golden(
        "chat-templates",
        __file__,
        ["transformers", "trl", "jinja2"],
        {
            "note": "qwen templates from TRL, Apache-2.0; null where the template refuses; dates are those of the run",
            "tokens": {name: tokenizer.special_tokens_map[name] for name in ("bos_token", "eos_token", "pad_token")},
            "conversations": CONVERSATIONS,
            "templates": rendered,
        },
    )


if __name__ == "__main__":
    main()
