"""PEFT with a plain PyTorch loop over the job's rows, in order: no trainer between the model and the clock.

Loss on the answer only, rows of a micro-batch padded to the longest. Timed: the steps; not timed: imports, model,
tokenising. Run by bench/run.ts: python bench/peers/peft_sft.py JOB.json
"""

from __future__ import annotations

import time
from typing import Any

from common import load_model, load_tokenizer, lora_config, read_job, read_rows, report

IGNORE_INDEX = -100


def encode(row: dict[str, Any], tokenizer: Any, max_length: int) -> tuple[list[int], int]:
    """Token ids of prompt and answer, cut to max_length, and how many of them are the prompt's."""
    prompt = [{"role": "user", "content": row["prompt"]}]
    answer = [{"role": "assistant", "content": row["completion"]}]
    start = tokenizer.apply_chat_template(prompt, add_generation_prompt=True, return_dict=False)
    ids = tokenizer.apply_chat_template(prompt + answer, return_dict=False)
    return ids[:max_length], len(start)


def batch(rows: list[tuple[list[int], int]], pad: int) -> dict[str, Any]:
    """Right-padded tensors of a micro-batch."""
    import torch

    longest = max(len(ids) for ids, _ in rows)
    fill = lambda values, value: values + [value] * (longest - len(values))  # noqa: E731
    return {
        "input_ids": torch.tensor([fill(ids, pad) for ids, _ in rows]),
        "attention_mask": torch.tensor([fill([1] * len(ids), 0) for ids, _ in rows]),
        "labels": torch.tensor([fill([IGNORE_INDEX] * start + ids[start:], IGNORE_INDEX) for ids, start in rows]),
    }


def model_of(job: dict[str, Any]) -> Any:
    """The model with a fresh adapter, ready to train."""
    from peft import get_peft_model

    model = get_peft_model(load_model(job), lora_config(job))
    model.config.use_cache = False
    if job.get("checkpointing"):
        model.enable_input_require_grads()
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    return model.train()


def train(job: dict[str, Any], model: Any, rows: list[tuple[list[int], int]], pad: int) -> None:
    """One pass; the loss is the mean over all trained tokens of an optimiser step."""
    import torch

    factors = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(factors, lr=job["learningRate"], weight_decay=0.0)
    size, micro_batch = job["batchSize"], job.get("microBatch", job["batchSize"])
    for first in range(0, len(rows), size):
        step = rows[first : first + size]
        trained = sum(len(ids) - start for ids, start in step)
        for i in range(0, len(step), micro_batch):
            inputs = batch(step[i : i + micro_batch], pad)
            model(**inputs, num_items_in_batch=torch.tensor(trained)).loss.backward()
        torch.nn.utils.clip_grad_norm_(factors, 1.0)
        optimizer.step()
        optimizer.zero_grad()


def main() -> None:
    job = read_job()
    tokenizer = load_tokenizer(job)
    rows = [encode(row, tokenizer, job["maxLength"]) for row in read_rows(job)]
    if job.get("groupByLength"):
        rows.sort(key=lambda row: len(row[0]))
    model = model_of(job)
    began = time.perf_counter()
    train(job, model, rows, tokenizer.pad_token_id)
    seconds = time.perf_counter() - began
    report(len(rows), sum(len(ids) for ids, _ in rows), seconds, "torch", "transformers", "peft")


if __name__ == "__main__":
    main()
