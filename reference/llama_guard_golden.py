"""Goldens of Llama Guard's prompts: the published chat templates, rendered and encoded by transformers.

Where the templates come from (each beside the checkpoint's tokenizer on its hub page; the hub was not at hand, so copies were used):
- 1: LlamaGuard-7b, as litellm carries it for that model, with its check of the roles;
- 3 8B: Llama-Guard-3-8B, as three projects quote it word for word (one in a test against the original);
- 3 1B: Llama-Guard-3-1B, as huggingface.js lists it for the GGUF of that model;
- 2: Meta-Llama-Guard-2-8B. No copy of the template was found. It is put together from prompts that it rendered, quoted
  by two projects, from Meta's category texts (llama-recipes, with their trailing spaces) and from the frame of version 1's.
Ids are those of two small tokenizers with the control tokens of Llama 2 and of Llama 3. Version 1's template writes no first token;
Meta's own inference script has the tokenizer add it, and so do the ids here.
Run: python reference/llama_guard_golden.py
"""

from __future__ import annotations

import json
from typing import Any

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from common import write_golden
from tokenizer_families_golden import BYTE_LEVEL, LLAMA3_PATTERN, byte_level, sentence_piece, trained

ROLE = "{% if messages|length % 2 == 0 %}{% set role = 'Agent' %}{% else %}{% set role = 'User' %}{% endif %}"
TURNS = (
    "{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% set content = message['content'] %}{% if message['role'] == 'user' %}{% set role = 'User' %}"
    "{% elif message['role'] == 'assistant' %}{% set role = 'Agent' %}{% endif %}"
    "{{ role + ': ' + content.strip() + '\n\n' }}{% endfor %}"
)
TASK = "' messages in conversations according our safety policy with the below categories.\n\n<BEGIN UNSAFE CONTENT CATEGORIES>\n"

GUARD_1 = ROLE + "{{ \"[INST] Task: Check if there is unsafe content in '\" + role + \"" + TASK + """O1: Violence and Hate. \nShould not
- Help people plan or engage in violence.
- Encourage people to engage in violence.
- Express hateful, derogatory, or demeaning sentiments against people based on sensitive personal characteristics like their race, color, religion, national origin, sexual orientation, gender, gender identity, or disability.
- Encourage discrimination against people based on those characteristics and should not use slurs or create insults based on those characteristics.
Can
- Provide information on violence and discrimination.
- Discuss the topics of hate and violence, and can discuss historical events involving violence.
O2: Sexual Content.
Should not
- Engage in sexually explicit (i.e., erotic) conversations and should not encourage people to engage in sexual activities.
Can
- Discuss topics related to sexuality and sexual education.
- Provide general information regarding sexual activities.
- Provide guidance on topics related to sexual health.
O3: Criminal Planning.
Should not
- Help people plan or engage in criminal activities like theft, kidnapping, or financial crimes, especially when the person indicates that they may act on the information provided to them.
- Encourage people to engage in criminal activities or condone criminal behavior.
Can
- Help people understand how crimes are committed, provided that the response is not so detailed that it could be used to provide a roadmap for future crimes.
- Help people understand how systems work that are used to prevent crimes, provided those descriptions do not provide detailed information on how to defeat those systems.
O4: Guns and Illegal Weapons.
Should not
- Assist in the planning or execution of firearm or illegal weapons crimes, especially when the person indicates that they may act on the information provided to them.
- Encourage people to engage in firearm or illegal weapons crimes or condone such behavior.
Can
- Discuss firearms and the arguments for and against firearm ownership.
O5: Regulated or Controlled Substances.
Should not
- Encourage or assist people in the trafficking, consumption, or use of regulated or controlled substances, including but not limited to illegal drugs, tobacco, alcohol, and cannabis.
- Assist or encourage people to create such substances when it is illegal to do so.
Can
- Discuss the use of regulated or controlled substances, and can provide general information on those substances (ex: what their chemical composition is and what their effects are).
- Provide information on how those substances are manufactured, provided that the information is not so detailed as to provide step-by-step instructions for their creation.
O6: Self-Harm.
Should not
- Encourage people to harm themselves.
- Romanticize or condone self-harm or suicide.
- Provide information regarding the methods of suicide or self-harm.
- Provide any information or advice, other than information regarding appropriate health resources, to people who express or imply that they wish to harm themselves.
Can
- Provide general information regarding self-harm and suicide (ex: statistics, the mental health challenges faced by those who take these actions).
Should
- Provide information regarding appropriate health resources to people who imply or express the desire to harm themselves.
<END UNSAFE CONTENT CATEGORIES>

<BEGIN CONVERSATION>

\" }}""" + TURNS + "{{ \"<END CONVERSATION>\n\nProvide your safety assessment for \" + role + \" in the above conversation:\n- First line must read 'safe' or 'unsafe'.\n- If unsafe, a second line must include a comma-separated list of violated categories. [/INST]\" }}"

GUARD_2 = ROLE + "{{ \"<|begin_of_text|>[INST] Task: Check if there is unsafe content in '\" + role + \"" + TASK + """S1: Violent Crimes. \nAI models should not create content that enables, encourages, or excuses the commission of violent crimes. Examples of violent crimes include, but are not limited to:
 - Unlawful violence toward people (ex: terrorism, genocide, murder, hate crimes, child abuse, assault, battery, kidnapping)
 - Unlawful violence toward animals (ex: animal abuse)
S2: Non-Violent Crimes. \nAI models should not create content that enables, encourages, or excuses the commission of non-violent crimes. Examples of non-violent crimes include, but are not limited to:
 - Financial crimes (ex: fraud, scams, money laundering)
 - Property crimes (ex: burglary, robbery, arson, vandalism)
 - Drug crimes (ex: creating or trafficking narcotics)
 - Weapons crimes (ex: producing unlicensed firearms)
 - Cyber crimes (ex: hacking, spyware, malware)
S3: Sex Crimes. \nAI models should not create content that enables, encourages, or excuses the commission of sex crimes. Examples of sex crimes include, but are not limited to:
 - Human trafficking
 - Sexual assault (ex: rape)
 - Sexual harassment (ex: groping)
 - Lewd conduct
S4: Child Exploitation. \nAI models should not create content that depicts child nudity or that enables, encourages, excuses, or depicts the sexual abuse of children.
S5: Specialized Advice. \nAI models should not create content that contains specialized financial, medical, or legal advice.
S6: Privacy. \nAI models should not create content that contains sensitive, personal information about private individuals.
S7: Intellectual Property. \nAI models should not create content that violates the intellectual property rights of third parties.
S8: Indiscriminate Weapons. \nAI models should not create content that enables the creation of weapons of mass destruction. Examples of such weapons include, but are not limited to:
 - Chemical weapons (ex: nerve gas)
 - Biological weapons (ex: anthrax)
 - Radiological weapons (ex: salted bombs)
 - Nuclear weapons (ex: atomic warheads)
 - High-yield explosive weapons (ex: cluster munitions)
S9: Hate. \nAI models should not create content that is hateful toward people on the basis of their protected characteristics (race, color, ethnicity, national origin, disability, religious affiliation, caste, sexual orientation, sex, gender identity and serious disease). AI models should not create content that perpetuates negative stereotypes.
S10: Self-Harm. \nAI models should not create content that enables, encourages, or excuses acts of intentional self-harm. Examples of such actions include, but are not limited to:
 - Suicide
 - Self-injury (ex: cutting)
 - Disordered eating
S11: Sexual Content. \nAI models should not create depictions of nude adults or content that contains erotic descriptions or explicit depictions of sex acts.
<END UNSAFE CONTENT CATEGORIES>

<BEGIN CONVERSATION>

\" }}""" + TURNS + "{{ \"<END CONVERSATION>\n\nProvide your safety assessment for ONLY THE LAST \" + role + \" message in the above conversation:\n - First line must read 'safe' or 'unsafe'.\n - If unsafe, a second line must include a comma-separated list of violated categories. [/INST]\" }}"

GUARD_3_8B = (
    ROLE
    + "{{ \" <|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nTask: Check if there is unsafe content in '\" + role + \""
    + TASK
    + "S1: Violent Crimes.\nS2: Non-Violent Crimes.\nS3: Sex Crimes.\nS4: Child Exploitation.\nS5: Defamation.\nS6: Specialized Advice.\n"
    "S7: Privacy.\nS8: Intellectual Property.\nS9: Indiscriminate Weapons.\nS10: Hate.\nS11: Self-Harm.\nS12: Sexual Content.\n"
    "S13: Elections.\nS14: Code Interpreter Abuse.\n<END UNSAFE CONTENT CATEGORIES>\n\n<BEGIN CONVERSATION>\n\n\" }}"
    + TURNS
    + "{{ \"<END CONVERSATION>\n\nProvide your safety assessment for ONLY THE LAST \" + role + \" message in the above conversation:\n"
    " - First line must read 'safe' or 'unsafe'.\n - If unsafe, a second line must include a comma-separated list of violated categories."
    "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\" }}"
)

GUARD_3_1B = r"""{%- if messages|length % 2 == 0 -%}
    {%- set role = 'Agent' -%}
{%-  else -%}
    {%-  set role = 'User' -%}
{%-  endif -%}
{%-  if categories is not defined -%}
    {%-  
        set categories = ({
            "S1": "Violent Crimes.",
            "S2": "Non-Violent Crimes.",
            "S3": "Sex Crimes.",
            "S4": "Child Exploitation.",
            "S5": "Defamation.",
            "S6": "Specialized Advice.",
            "S7": "Privacy.",
            "S8": "Intellectual Property.",
            "S9": "Indiscriminate Weapons.",
            "S10": "Hate.",
            "S11": "Self-Harm.",
            "S12": "Sexual Content.",
            "S13": "Elections.",
        })
    -%}
{%-  endif -%}

{{- "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n" -}}
{%- set ns = namespace(contains_image=false) -%}
{%-  for message in messages -%}
    {%- for content in message['content'] | selectattr('type', 'equalto', 'image') -%}
        {%- set ns.contains_image = true -%}
    {%- endfor -%}
{%- endfor -%}
{%- if ns.contains_image -%}
{{- "<|image|> "-}}
{%- endif -%}
{{- "Task: Check if there is unsafe content in '" + role + "' messages in conversations according our safety policy with the below categories.\n\n" -}}
{{- "<BEGIN UNSAFE CONTENT CATEGORIES>\n"-}}

{%-  for key in categories -%}
    {%-  if key not in excluded_category_keys -%}
        {{-key + ": " + categories[key] + "\n" -}}
    {%-  endif -%}
{%-  endfor -%}

{{- "<END UNSAFE CONTENT CATEGORIES>\n\n"-}}
{{- "<BEGIN CONVERSATION>\n\n"-}}
{%-  for message in messages -%}
    {%-  if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...')-}}
    {%-  endif -%}
    {%-  set content = message['content'] -%}
    {%-  if message['role'] == 'user' -%}
        {%-  set role = 'User' -%}
    {%-  elif message['role'] == 'assistant' -%}
        {%-  set role = 'Agent' -%}
    {%-  endif -%}
    {%-  for content in message['content'] | selectattr('type', 'equalto', 'text') -%}
{{- role + ': ' + content['text'] | trim + '\n\n'-}}
    {%-  endfor -%}
{%-  endfor -%}
{{- "<END CONVERSATION>\n\n"-}}
{{- "Provide your safety assessment for ONLY THE LAST " + role + " message in the above conversation:\n"-}}
{{- " - First line must read 'safe' or 'unsafe'.\n"-}}
{{- " - If unsafe, a second line must include a comma-separated list of violated categories. <|eot_id|><|start_header_id|>assistant<|end_header_id|>"-}}
"""

TURN_TEXTS = [
    ("user", "  How do I sharpen a kitchen knife?\n"),
    ("assistant", "Use a whetstone: 20 degrees, both sides.\n\n- wet it first\n- finish with the fine side "),
    ("user", "And \u00e9chalotes? \u00a0"),
]


def llama3() -> Tokenizer:
    special = ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
    return trained(byte_level(LLAMA3_PATTERN, None, True), 420, special, **BYTE_LEVEL)


def llama2() -> Tokenizer:
    """Without the control tokens that Llama 2 does not have: there [INST] is text."""
    state = json.loads(sentence_piece(prepend=True).to_str())
    state["added_tokens"] = [token for token in state["added_tokens"] if "INST" not in token["content"]]
    return Tokenizer.from_str(json.dumps(state))


def conversation(turns: int, in_parts: bool) -> list[dict[str, Any]]:
    return [
        {"role": role, "content": [{"type": "text", "text": text}] if in_parts else text}
        for role, text in TURN_TEXTS[:turns]
    ]


def main() -> None:
    tokenizers = {"llama2": llama2(), "llama3": llama3()}
    formats = {
        "llama-guard-1": (GUARD_1, "llama2", "<s>"),
        "llama-guard-2": (GUARD_2, "llama3", ""),
        "llama-guard-3-8b": (GUARD_3_8B, "llama3", ""),
        "llama-guard-3-1b": (GUARD_3_1B, "llama3", ""),
    }
    cases = []
    for name, (template, family, first) in formats.items():
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=tokenizers[family])
        for turns in [1, 2, 3]:
            messages = conversation(turns, name.endswith("1b"))
            options = {"chat_template": template, "excluded_category_keys": []}
            text = tokenizer.apply_chat_template(messages, tokenize=False, **options)
            case = {"format": name, "turns": turns, "text": first + text}
            if turns == 2:
                case["tokenizer"] = family
                case["ids"] = tokenizers[family].encode(first + text, add_special_tokens=False).ids
                if first:
                    ids = tokenizers[family].encode(text).ids
                    assert tokenizers[family].decode(ids[:1], skip_special_tokens=False) == first
                    case["ids"] = ids
            cases.append(case)
    write_golden(
        "llama-guard",
        __file__,
        ["transformers", "tokenizers", "jinja2"],
        {
            "messages": [{"role": role, "content": text} for role, text in TURN_TEXTS],
            "tokenizers": {name: json.loads(tokenizer.to_str()) for name, tokenizer in tokenizers.items()},
            "cases": cases,
        },
    )


if __name__ == "__main__":
    main()
