"""Multiple choice by lm-evaluation-harness: a local task file of its own over the job's rows, its own templates.

Timed: the model's `loglikelihood` (encoding, batching, the model, choice by choice); not timed: imports, loading, the task,
metrics. Writes a question a line to the job's `out`: log-likelihoods, predictions, a hash of the context.
Run by bench/lm-eval.ts: python bench/peers/lm_eval_choices.py JOB.json
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_EVALUATE_OFFLINE"):
    os.environ[name] = "1"
SCRATCH = tempfile.TemporaryDirectory()
os.environ["HF_DATASETS_CACHE"] = SCRATCH.name

from common import read_job, read_rows, report  # noqa: E402

QUESTION = "Question: {{question}}\nAnswer:"
# lm_eval/tasks/*, with the fields of our rows: question, passage, choices, answer.
TEMPLATES: dict[str, dict[str, Any]] = {
    "arc-easy": {"doc_to_text": QUESTION, "doc_to_choice": "{{choices}}"},
    "piqa": {"doc_to_text": QUESTION, "doc_to_choice": "{{choices}}"},
    "openbookqa": {"doc_to_text": "question", "doc_to_choice": "{{choices}}"},
    "boolq": {"doc_to_text": "{{passage}}\nQuestion: {{question}}?\nAnswer:", "doc_to_choice": ["no", "yes"]},
}


def write_task(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    """The task file, with its rows beside it. JSON is YAML."""
    if name == "boolq":
        # The template adds the question mark.
        rows = [{**row, "question": row["question"].removesuffix("?")} for row in rows]
    data = folder / "rows.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    task = {
        "task": name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(data)}},
        "output_type": "multiple_choice",
        "test_split": "test",
        **TEMPLATES[name],
        "doc_to_target": "answer",
        "metric_list": [{"metric": "acc"}, {"metric": "acc_norm"}],
        "metadata": {"version": 1.0},
    }
    (folder / f"{name}.yaml").write_text(json.dumps(task))


def timed(model: Any) -> list[float]:
    """Makes the model note how long each of its `loglikelihood` calls takes, seconds."""
    whole, seconds = model.loglikelihood, []

    def loglikelihood(*arguments: Any, **options: Any) -> Any:
        began = time.perf_counter()
        try:
            return whole(*arguments, **options)
        finally:
            seconds.append(time.perf_counter() - began)

    model.loglikelihood = loglikelihood
    return seconds


def largest(values: list[float]) -> int:
    return max(range(len(values)), key=lambda i: values[i])


def question(sample: dict[str, Any]) -> dict[str, Any]:
    """What the two sides are compared by."""
    log_probs = [float(response[0][0]) for response in sample["resps"]]
    choices = [argument[1].removeprefix(" ") for argument in sample["arguments"]]
    return {
        "id": sample["doc"]["id"],
        "contextSha256": hashlib.sha256(sample["arguments"][0][0].encode()).hexdigest(),
        "logProbs": log_probs,
        "lengths": [len(choice) for choice in choices],
        "predicted": {
            "acc": largest(log_probs),
            "acc_norm": largest([value / len(choice) for value, choice in zip(log_probs, choices)]),
        },
        "right": {"acc": float(sample["acc"]), "acc_norm": float(sample["acc_norm"])},
    }


def main() -> None:
    job = read_job()
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    name = job["set"]
    folder = Path(SCRATCH.name)
    write_task(folder, name, read_rows(job))
    model = HFLM(pretrained=job["modelFolder"], dtype="float32", device="cpu", batch_size=job["batchSize"])
    seconds = timed(model)
    tasks = TaskManager(include_path=str(folder), include_defaults=False)
    found = simple_evaluate(
        model=model, tasks=[name], num_fewshot=0, bootstrap_iters=0, log_samples=True, task_manager=tasks
    )
    samples = found["samples"][name]
    questions = [question(sample) for sample in {sample["doc"]["id"]: sample for sample in samples}.values()]
    Path(job["out"]).write_text("".join(json.dumps(each) + "\n" for each in questions))
    pairs = [tuple(argument) for sample in samples for argument in sample["arguments"]]
    tokens = sum(len(model._encode_pair(*pair)[1]) for pair in pairs)
    report(len(questions), tokens, sum(seconds), "torch", "transformers", "lm_eval")


if __name__ == "__main__":
    main()
