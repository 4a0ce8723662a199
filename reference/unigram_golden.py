"""Golden of SentencePiece Unigram tokenizers as DeBERTa-v3 has them: ids of nasty strings with [CLS] and [SEP].

A small Unigram model is trained here on the strings themselves. Its tokenizer.json comes in the two ways that
checkpoints carry it: as transformers 5 builds it (white space replaced, NFC) and as transformers 4 converted it from
the SentencePiece file (stripped, SentencePiece's map of characters). The map is compiled here from the NFKC forms of what
the strings hold, since the published one (nmt_nfkc) would be most of the golden.
Run: python reference/unigram_golden.py
"""

from __future__ import annotations

import io
import json
import re
import tempfile
import unicodedata
from pathlib import Path
from typing import Any

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers
from transformers import DebertaV2Tokenizer

from common import write_golden
from tokenizer_golden import nasty_strings

LONGEST = 90
SIZE = 420
SPECIAL = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]
ENGLISH = "Human: the quick brown fox jumps over the lazy dog, and then the other dog 2024 1234. Assistant: I can help you."


def texts() -> list[str]:
    """Nasty strings, dialogues, control tokens, and white space of Unicode at both ends."""
    special = [
        "\n\nHuman: Can you help me,\tplease?\n\nAssistant: I can help you.",
        "[CLS] and [SEP]s are tokens [MASK]",
        "\u0085\u2003both ends\u3000\u0085",
        "\ufeffno white space\ufeff",
        "\r\n \u0085 the\u0085\u0085end \n",
    ]
    return [text for text in [*nasty_strings(), *special] if len(text) <= LONGEST]


def character_map() -> str:
    """Rules of SentencePiece: code points, a tab, the code points that they become."""
    joined = "".join(texts())
    sequences = [*joined, *re.findall(r"\w[\u0300-\u036f\u3099]+", joined), "\r\n", *"ﬁ①Ａｶ½"]
    forms = {s: unicodedata.normalize("NFKC", s) for s in sequences}
    forms |= {s: " " for s in sequences if s.isspace() or s in "\u200b\u200e\ufeff"} | {"\x01": "", "\x7f": ""}
    code_points = lambda s: " ".join(f"{ord(c):X}" for c in s)  # noqa: E731
    return "".join(f"{code_points(a)}\t{code_points(b)}\n" for a, b in sorted(forms.items()) if a != b)


def train(rules: Path) -> Any:
    """A Unigram model with DeBERTa-v3's first four ids."""
    written = io.BytesIO()
    rules.write_text(character_map())
    lines = [line for text in [*texts(), *[ENGLISH] * 9] for line in text.replace("\0", "").splitlines() if line.strip()]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=written, vocab_size=SIZE, model_type="unigram", character_coverage=0.98,
        hard_vocab_limit=False, minloglevel=2, num_threads=1, normalization_rule_tsv=str(rules),
        pad_id=0, bos_id=1, eos_id=2, unk_id=3, pad_piece="[PAD]", bos_piece="[CLS]", eos_piece="[SEP]", unk_piece="[UNK]",
    )  # fmt: skip
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(written.getvalue())
    return proto


def as_transformers_5(proto: Any) -> Tokenizer:
    vocab = [(piece.piece, piece.score) for piece in proto.pieces]
    return DebertaV2Tokenizer(vocab=vocab, unk_id=3).backend_tokenizer


def as_transformers_4(proto: Any) -> Tokenizer:
    """The steps of DebertaV2Converter of transformers 4."""
    tokenizer = as_transformers_5(proto)
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Strip(),
            normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    return tokenizer


def rows(tokenizer: Tokenizer) -> list[dict[str, Any]]:
    """Ids with what the post-processor adds."""
    return [{"text": text, "ids": tokenizer.encode(text).ids} for text in texts()]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        proto = train(Path(folder) / "rules.tsv")
    families = {"transformers 5": as_transformers_5(proto), "transformers 4": as_transformers_4(proto)}
    write_golden(
        "tokenizer-unigram",
        __file__,
        ["sentencepiece", "tokenizers", "transformers"],
        {
            "note": "ids with [CLS] and [SEP]; special tokens in the text recognised",
            "families": {
                name: {"tokenizer": json.loads(tokenizer.to_str()), "rows": rows(tokenizer)} for name, tokenizer in families.items()
            },
        },
    )


if __name__ == "__main__":
    main()
