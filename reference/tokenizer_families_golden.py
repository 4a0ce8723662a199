"""Golden of small tokenizers built as those of Qwen2, Llama 3 and Mistral are: ids and text of nasty strings.

Trained here on the strings themselves, so that merges meet every script; normaliser, pre-tokenizer, model options,
decoder and first token are those of the families' tokenizer.json: byte-level BPE after NFC and a pattern (Qwen2), after
a pattern, with whole words that skip the merges (Llama 3), SentencePiece's BPE with byte fallback in its two spellings
(Mistral, Metaspace; Llama 2, Prepend).
Run: python reference/tokenizer_families_golden.py
"""

from __future__ import annotations

import json
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

from common import write_golden
from tokenizer_golden import nasty_strings

LONGEST = 90
LLAMA3_PATTERN = PRETOKENIZE_REGEX.replace(r"|\p{N}|", r"|\p{N}{1,3}|")
BYTE_LEVEL = {"initial_alphabet": pre_tokenizers.ByteLevel.alphabet()}


def trained(tokenizer: Tokenizer, size: int, special: list[str], **options: Any) -> Tokenizer:
    """Trains on the strings, and adds control tokens that text is searched for."""
    words = [*nasty_strings(), "the quick brown fox jumps over the lazy dog and then the other dog 2024 1234 " * 3]
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=special, show_progress=False, min_frequency=2, **options)
    tokenizer.train_from_iterator(words, trainer)
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    return tokenizer


def byte_level(pattern: str, normalizer: Any, ignore_merges: bool) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), behavior="isolated", invert=False),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def qwen2() -> Tokenizer:
    return trained(byte_level(PRETOKENIZE_REGEX, normalizers.NFC(), False), 420, ["<|im_start|>", "<|im_end|>"], **BYTE_LEVEL)


def llama3() -> Tokenizer:
    tokenizer = trained(byte_level(LLAMA3_PATTERN, None, True), 420, ["<|begin_of_text|>", "<|eot_id|>"], **BYTE_LEVEL)
    first = ("<|begin_of_text|>", tokenizer.token_to_id("<|begin_of_text|>"))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A <|begin_of_text|> $B", special_tokens=[first]
    )
    return tokenizer


def sentence_piece(prepend: bool) -> Tokenizer:
    """Trained without its normaliser, since a trained BPE wants pieces; then given it."""
    special = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]"]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=True)
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    tokenizer = trained(tokenizer, 620, [*special, *bytes_], limit_alphabet=60)
    state = json.loads(tokenizer.to_str())
    state["added_tokens"] = [token for token in state["added_tokens"] if token["content"] in special]
    if prepend:
        state["normalizer"] = {
            "type": "Sequence",
            "normalizers": [
                {"type": "Prepend", "prepend": "▁"},
                {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
            ],
        }
        state["pre_tokenizer"] = None
    else:
        state["pre_tokenizer"]["split"] = False
    tokenizer = Tokenizer.from_str(json.dumps(state))
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))]
    )
    return tokenizer


def rows(tokenizer: Tokenizer) -> list[dict[str, Any]]:
    """Ids without the first token; text only where it does not come back."""
    found = []
    special = [token.content for token in tokenizer.get_added_tokens_decoder().values()]
    chat = f"{special[-2]}user\nHi there  you{special[-1]}\n{special[-2]} Hello{special[-1]}"
    for text in [*nasty_strings(), chat, f" {special[-1]} x"]:
        if len(text) > LONGEST:
            continue
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        decoded = tokenizer.decode(ids, skip_special_tokens=False)
        found.append({"text": text, "ids": ids, **({} if decoded == text else {"decoded": decoded})})
    return found


def main() -> None:
    families = {
        "qwen2": qwen2(),
        "llama3": llama3(),
        "mistral": sentence_piece(prepend=False),
        "llama2": sentence_piece(prepend=True),
    }
    write_golden(
        "tokenizer-families",
        __file__,
        ["tokenizers", "transformers"],
        {
            "note": "ids without the first token; special tokens in the text recognised; decoded only where it differs from text",
            "families": {
                name: {
                    "tokenizer": json.loads(tokenizer.to_str()),
                    "firstIds": tokenizer.encode("").ids,
                    "rows": rows(tokenizer),
                }
                for name, tokenizer in families.items()
            },
        },
    )


if __name__ == "__main__":
    main()
