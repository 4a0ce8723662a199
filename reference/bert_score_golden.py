"""Golden of BERTScore on 200 pairs of real texts, by bert-score over a tiny random DeBERTa-v3.

Pairs are those of text_metrics_golden.py, named by id. Plain and with idf weights, at the last layer and at the first.
Texts longer than the model are cut, [SEP] kept.
Run: python reference/bert_score_golden.py [FOLDER]     (FOLDER: also keep the checkpoint folder there)
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import torch
from bert_score import score
from transformers import DebertaV2Config, DebertaV2Model

import unigram_golden
from common import deterministic, write_golden
from score_models_golden import DEBERTA
from text_metrics_golden import pairs
from tiny_golden import pack

SEED = 20251126
LENGTH = 96
CONFIG = DebertaV2Config(
    **{**DEBERTA, "vocab_size": 421, "pad_token_id": 0, "max_position_embeddings": LENGTH, "position_buckets": 16}
)
RUNS = [
    {"layer": 2, "idf": False},
    {"layer": 2, "idf": True},
    {"layer": 1, "idf": False},
]


def build(folder: Path) -> None:
    """Write a headless checkpoint with its tokenizer."""
    model = DebertaV2Model(CONFIG)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(".bias"):
                parameter.uniform_(-0.5, 0.5)
            elif "LayerNorm" in name:
                parameter.uniform_(0.4, 1.6)
    model.save_pretrained(folder)
    with tempfile.TemporaryDirectory() as rules:
        tokenizer = unigram_golden.as_transformers_5(unigram_golden.train(Path(rules) / "rules.tsv"))
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    special = {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "unk_token": "[UNK]"}
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": LENGTH, **special}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def main() -> None:
    deterministic(SEED)
    real = pairs()
    answers, references = ([pair[i][1] for pair in real] for i in (0, 1))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else temporary) / "deberta"
        folder.mkdir(parents=True, exist_ok=True)
        build(folder)
        runs = []
        for run in RUNS:
            scores = torch.stack(
                score(answers, references, model_type=str(folder), num_layers=run["layer"], idf=run["idf"], device="cpu", nthreads=0, batch_size=16)
            ).T
            assert scores.isfinite().all() and scores.std(0).min() > 1e-3, scores.std(0)
            print(run, scores.mean(0), scores.std(0))
            runs.append({**run, "scores": [[round(x, 7) for x in row] for row in scores.tolist()]})
        write_golden(
            "bert-score",
            __file__,
            ["bert-score", "torch", "transformers", "tokenizers"],
            {
                "note": "files: name to text, or name.base64 to base64 bytes; scores: precision, recall, F1 of each pair",
                "name": "deberta",
                "files": pack(folder),
                "pairs": [[answer[0], reference[0]] for answer, reference in real],
                "runs": runs,
            },
            seed=SEED,
            tolerance={"absolute": 1e-4},
        )


if __name__ == "__main__":
    main()
