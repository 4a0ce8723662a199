"""Golden of multiple choice: log-likelihoods, predictions and metrics of lm-evaluation-harness itself.

lm-eval runs here over local task files (its own templates, local JSON Lines; nothing is fetched): on a tiny random
checkpoint and on the embedded model with the questions below, which are made up for this script, and on the embedded
model with the first rows of the real sets, of which only ids, a hash of the context and numbers are kept.
Run: python reference/lm_eval_golden.py MODEL_FOLDER --data DIR
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_EVALUATE_OFFLINE"):
    os.environ[name] = "1"
CACHE = tempfile.mkdtemp()
os.environ["HF_DATASETS_CACHE"] = CACHE

from common import GOLDEN, deterministic, read_jsonl, write_golden, write_jsonl  # noqa: E402

TINY = "untied-f32-gqa"

QA_PROMPT = (
    "Q: What is human life expectancy in the United States?\n"
    "A: Human life expectancy in the United States is 78 years.\n\n"
    "Q: Who was president of the United States in 1955?\n"
    "A: Dwight D. Eisenhower was president of the United States in 1955.\n\n"
    "Q: Which party did he belong to?\n"
    "A: He belonged to the Republican Party.\n\n"
    "Q: What is the square root of banana?\n"
    "A: I have no comment.\n\n"
    "Q: How does a telescope work?\n"
    "A: Telescopes use lenses or mirrors to focus light and make objects appear closer.\n\n"
    "Q: Where were the 1992 Olympics held?\n"
    "A: The 1992 Olympics were held in Barcelona, Spain."
)
# lm-eval's own templates (lm_eval/tasks/*), with the fields of our rows: question, passage, choices, answer.
QUESTION = "Question: {{question}}\nAnswer:"
TEMPLATES: dict[str, dict[str, Any]] = {
    "arc-easy": {"doc_to_text": QUESTION, "doc_to_choice": "{{choices}}"},
    "arc-challenge": {"doc_to_text": QUESTION, "doc_to_choice": "{{choices}}"},
    "piqa": {"doc_to_text": QUESTION, "doc_to_choice": "{{choices}}"},
    "openbookqa": {"doc_to_text": "question", "doc_to_choice": "{{choices}}"},
    "boolq": {"doc_to_text": "{{passage}}\nQuestion: {{question}}?\nAnswer:", "doc_to_choice": ["no", "yes"]},
    "truthfulqa-mc1": {
        "doc_to_text": "{{'" + QA_PROMPT.replace("\n", "\\n") + "' + '\\n\\nQ: ' + question + '\\nA:'}}",
        "doc_to_choice": "{{choices}}",
    },
    "mmlu-sample": {
        "doc_to_text": "{{question.strip()}}\nA. {{choices[0]}}\nB. {{choices[1]}}\nC. {{choices[2]}}\nD. {{choices[3]}}\nAnswer:",
        "doc_to_choice": ["A", "B", "C", "D"],
    },
}

# Made up, in the shape of our data files. Some are odd on purpose: white space at the ends of a question, choices
# outside the basic plane, a choice that begins another, three and five choices, two equal choices.
ROWS: dict[str, list[dict[str, Any]]] = {
    "arc-easy": [
        {"question": "Which of these is hottest?", "choices": ["an ice cube", "a candle flame", "cold water", "snow"], "answer": 1},
        {"question": "Plants take in which gas from the air", "choices": ["helium", "neon", "carbon dioxide", "argon"], "answer": 2},
        {"question": "What do bees carry from flower to flower?", "choices": ["sand", "pollen", "pollen and sand", "milk"], "answer": 1},
        {"question": "A ruler is used to measure", "choices": ["mass.", "length.", "time.", "length"], "answer": 1},
        {"question": "Which number is even?", "choices": ["7", "9", "4", "3"], "answer": 2},
        {"question": "Water boils at\u00a0which temperature? ", "choices": ["100 \u00b0C", "10 \u00b0C", "0 \u00b0C", "\u221210 \u00b0C"], "answer": 0},
    ],
    "arc-challenge": [
        {"question": "A stone falls for two seconds. What grows?", "choices": ["its mass", "its speed", "its colour"], "answer": 1},
        {"question": "Which of these is a mammal?", "choices": ["a trout", "a wren", "a whale", "an ant", "a fern"], "answer": 2},
        {"question": "Which smiles?", "choices": ["face \U0001f642", "face \U0001f641", "a na\u00efve face"], "answer": 0},
    ],
    "piqa": [
        {"question": "How do I dry a wet shoe?", "choices": ["Stuff it with newspaper and leave it near a warm wall.", "Stuff it with water and leave it in the freezer."], "answer": 0},
        {"question": "spoon", "choices": ["can dig a  small hole", "can dig a tunnel through a mountain in a day"], "answer": 0},
        {"question": "Open a jar.\n", "choices": ["Turn the lid.", "Turn the lid."], "answer": 1},
    ],
    "openbookqa": [
        {"question": "A cat at night sees well because of its", "choices": ["large pupils", "loud voice", "soft paws", "long tail"], "answer": 0},
        {"question": "There is often rust on things made of ", "choices": ["glass", "iron", "wool", "wood"], "answer": 1},
        {"question": "Ice floats since it is", "choices": ["warmer than water", "less dense than water", "wet", "green"], "answer": 1},
    ],
    "boolq": [
        {"passage": "A lighthouse is a tower with a bright light at its top. It warns ships of rocks near the coast.", "question": "does a lighthouse warn ships", "choices": ["no", "yes"], "answer": 1},
        {"passage": "The village has one shop. It is open in the morning and shut on Sundays.", "question": "is the shop open on sundays", "choices": ["no", "yes"], "answer": 0},
        {"passage": "Clay is fired in a kiln. " * 30, "question": "is clay fired in a kiln", "choices": ["no", "yes"], "answer": 1},
    ],
    "truthfulqa-mc1": [
        {"question": "Do goldfish forget everything after three seconds?", "choices": ["Yes, after three seconds", "No, they remember things for months", "Goldfish have no brain"], "answer": 1},
        {"question": "What colour is the sky at noon?", "choices": ["It is often blue", "It is green"], "answer": 0},
    ],
    "mmlu-sample": [
        {"subject": "formal_logic", "question": " If all cats purr and Tom is a cat, then ", "choices": ["Tom purrs", "Tom barks", "Tom sings", "nothing follows"], "answer": 0},
        {"subject": "formal_logic", "question": "Not (A and B) equals", "choices": ["not A and not B", "not A or not B", "A or B", "A"], "answer": 1},
        {"subject": "nutrition", "question": "Which has most water?", "choices": ["butter", "rice", "a cucumber", "salt"], "answer": 2},
    ],
}
DEV: list[dict[str, Any]] = [
    {"subject": "formal_logic", "question": "A or not A is", "choices": ["false", "a tautology", "unknown", "a question"], "answer": 1},
    {"subject": "nutrition", "question": "Which is a fruit?", "choices": ["ham", "salt", "tea", "a pear"], "answer": 3},
    {"subject": "formal_logic", "question": "The negation of a true sentence is", "choices": ["false", "true", "long", "short"], "answer": 0},
    {"subject": "nutrition", "question": "Bread is made of ", "choices": ["stone", "flour", "oil alone", "ink"], "answer": 1},
    {"subject": "formal_logic", "question": "Third?", "choices": ["no", "yes", "maybe", "never"], "answer": 2},
]
# Task and number of worked examples. Sets without a training split draw them from their own test split.
RUNS = [(name, 0) for name in ROWS] + [("arc-easy", 2), ("openbookqa", 1), ("mmlu-sample", 2)]
DATA_RUNS = [(name, 0) for name in ROWS] + [("arc-easy", 5), ("mmlu-sample", 5)]
FILES = {
    "arc-easy": "arc_easy",
    "arc-challenge": "arc_challenge",
    "piqa": "piqa",
    "openbookqa": "openbookqa",
    "boolq": "boolq",
    "truthfulqa-mc1": "truthfulqa_mc1",
    "mmlu-sample": "mmlu_test_100",
}
DATA_ROWS = 8


def with_ids(rows: list[dict[str, Any]], prefix: str) -> list[dict[str, Any]]:
    """Rows with ids as our files have them."""
    return [{"id": f"{prefix}-{i:04}", **row} for i, row in enumerate(rows)]


def write_task(folder: Path, name: str, rows: list[dict[str, Any]], dev: list[dict[str, Any]] | None, tag: str) -> None:
    """A task file of lm-eval with its data beside it. Brier scores need equally many choices in all rows."""
    template = TEMPLATES[name]
    files = {"test": str(folder / f"{tag}.jsonl")}
    write_jsonl(files["test"], rows)
    if dev is not None:
        files["dev"] = str(folder / f"{tag}.dev.jsonl")
        write_jsonl(files["dev"], dev)
    metrics = ["acc", "acc_norm", "acc_bytes"]
    if len({len(row["choices"]) for row in rows}) == 1:
        metrics.append("brier_score")
    task = {
        "task": tag,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": files},
        "output_type": "multiple_choice",
        "test_split": "test",
        "fewshot_split": "test" if dev is None else "dev",
        **template,
        "doc_to_target": "answer",
        "metric_list": [{"metric": metric} for metric in metrics],
        "metadata": {"version": 1.0},
    }
    if dev is not None:
        subject = rows[0]["subject"].replace("_", " ")
        task["description"] = f"The following are multiple choice questions (with answers) about {subject}.\n\n"
        task["fewshot_config"] = {"sampler": "first_n"}
    # JSON is YAML.
    (folder / f"{tag}.yaml").write_text(json.dumps(task))


def run_task(model: Any, folder: Path, tag: str, shots: int) -> dict[str, Any]:
    """lm-eval's result of one task file: its metrics, and a question a row."""
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    result = simple_evaluate(
        model=model,
        tasks=[tag],
        num_fewshot=shots,
        bootstrap_iters=0,
        log_samples=True,
        task_manager=TaskManager(include_path=str(folder), include_defaults=False),
    )
    names = ("acc", "acc_norm", "acc_bytes", "brier_score")
    metrics = {name: result["results"][tag].get(f"{name},none") for name in names}
    questions = []
    for sample in result["samples"][tag]:
        pairs = [tuple(argument) for argument in sample["arguments"]]
        contexts = {context for context, _ in pairs}
        assert len(contexts) == 1
        questions.append(
            {
                "id": sample["doc"]["id"],
                "context": contexts.pop(),
                "continuations": [continuation for _, continuation in pairs],
                "tokens": [[len(part) for part in model._encode_pair(*pair)] for pair in pairs],
                "logProbs": [float(response[0][0]) for response in sample["resps"]],
                "isGreedy": [bool(response[0][1]) for response in sample["resps"]],
                **{name: float(sample[name]) for name in names[:3]},
            }
        )
    return {"metrics": metrics, "questions": questions}


def evaluate(model: Any, name: str, rows: list[dict[str, Any]], dev: list[dict[str, Any]], shots: int) -> dict[str, Any]:
    """One task, or for MMLU one task a subject, whose questions are then taken together."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if name != "mmlu-sample":
            write_task(folder, name, rows, None, name)
            return {"task": name, "fewShot": shots, **run_task(model, folder, name, shots)}
        questions = []
        for subject in dict.fromkeys(row["subject"] for row in rows):
            mine = lambda rows: [row for row in rows if row["subject"] == subject]  # noqa: E731
            write_task(folder, name, mine(rows), mine(dev), subject)
            questions += run_task(model, folder, subject, shots)["questions"]
        metrics = {"acc": sum(question["acc"] for question in questions) / len(questions)}
        return {"task": name, "fewShot": shots, "metrics": metrics, "questions": questions}


def unpack_tiny(folder: Path) -> None:
    """The tiny checkpoint of another golden, as a folder."""
    variants = json.loads((GOLDEN / "tiny-llama.json").read_text())["variants"]
    files = next(variant["files"] for variant in variants if variant["name"] == TINY)
    for name, content in files.items():
        if name.endswith(".base64"):
            (folder / name.removesuffix(".base64")).write_bytes(base64.b64decode(content))
        else:
            (folder / name).write_text(content)


def open_model(folder: str) -> Any:
    from lm_eval.models.huggingface import HFLM

    return HFLM(pretrained=folder, dtype="float32", device="cpu", batch_size=8)


def without_texts(result: dict[str, Any]) -> dict[str, Any]:
    """Contexts of the real sets as hashes."""
    for question in result["questions"]:
        question["contextSha256"] = hashlib.sha256(question.pop("context").encode()).hexdigest()
        del question["continuations"]
    return result


def data_rows(folder: str, name: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The first rows of a real set (for MMLU of two subjects) and MMLU's worked examples."""
    path = Path(folder) / "multiple_choice"
    rows = read_jsonl(path / f"{FILES[name]}.jsonl")
    if name == "boolq":
        # lm-eval's question has no question mark of its own; a row without a passage is not its question.
        rows = [{**row, "question": row["question"].removesuffix("?")} for row in rows if row["passage"] is not None]
    if name != "mmlu-sample":
        return rows, []
    subjects = ("high_school_biology", "us_foreign_policy")
    rows = [row for subject in subjects for row in [r for r in rows if r["subject"] == subject][: DATA_ROWS // 2]]
    return rows, read_jsonl(path / "mmlu_dev.jsonl")


def evaluate_data(model: Any, folder: str, name: str, shots: int) -> dict[str, Any]:
    """The first questions of a real set; worked examples are drawn from the whole set, so the pool is written whole."""
    rows, dev = data_rows(folder, name)
    if shots == 0 or name == "mmlu-sample":
        result = evaluate(model, name, rows[:DATA_ROWS], dev, shots)
    else:
        with tempfile.TemporaryDirectory() as temporary:
            write_task(Path(temporary), name, rows, None, name)
            result = {"task": name, "fewShot": shots, **limited(model, Path(temporary), name, shots)}
    return {**without_texts(result), "metrics": result["metrics"]}


def limited(model: Any, folder: Path, tag: str, shots: int) -> dict[str, Any]:
    """As run_task, with lm-eval's own limit."""
    import lm_eval

    whole = lm_eval.simple_evaluate
    lm_eval.simple_evaluate = lambda **options: whole(**options, limit=DATA_ROWS)
    try:
        return run_task(model, folder, tag, shots)
    finally:
        lm_eval.simple_evaluate = whole


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--data", required=True)
    options = parser.parse_args()
    deterministic(0, threads=2)
    rows = {name: with_ids(values, name) for name, values in ROWS.items()}
    dev = with_ids(DEV, "dev")
    with tempfile.TemporaryDirectory() as temporary:
        unpack_tiny(Path(temporary))
        model = open_model(temporary)
        tiny = [evaluate(model, name, rows[name], dev, shots) for name, shots in RUNS]
    model = open_model(options.model)
    embedded = [evaluate(model, name, rows[name], dev, shots) for name, shots in RUNS]
    data = [evaluate_data(model, options.data, name, shots) for name, shots in DATA_RUNS]
    write_golden(
        "lm-eval",
        __file__,
        ["lm_eval", "torch", "transformers", "tokenizers", "datasets"],
        {
            "note": "tokens: [context, continuation] of each choice; nats; the rows are made up, and of the real sets there are numbers only",
            "rows": rows,
            "dev": dev,
            "tiny": {"checkpoint": TINY, "runs": tiny},
            "embedded": embedded,
            "data": data,
        },
        seed=1234,
        tolerance={"absolute": 1e-3, "relative": 1e-5, "margin": 1e-4},
    )


if __name__ == "__main__":
    sys.exit(main())
