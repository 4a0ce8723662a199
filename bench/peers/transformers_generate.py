"""transformers' generate over the job's prompts in batches of the job's size: exactly maxNewTokens each.

Prompts come as token ids, longest first, so that those of a batch have like lengths; padded on the left.
Timed: all generate calls, prefill included; not timed: imports, model.
Run by bench/run.ts: python bench/peers/transformers_generate.py JOB.json
"""

from __future__ import annotations

import time
from typing import Any

from common import load_model, load_tokenizer, read_job, read_rows, report


def batches(job: dict[str, Any]) -> list[list[list[int]]]:
    """Prompts as token ids, in batches."""
    prompts = sorted((row["promptIds"] for row in read_rows(job)), key=len, reverse=True)
    return [prompts[i : i + job["batchSize"]] for i in range(0, len(prompts), job["batchSize"])]


def sampling(job: dict[str, Any]) -> dict[str, Any]:
    """Plain sampling from the whole distribution, or greedy at temperature 0; no early end."""
    count = {"max_new_tokens": job["maxNewTokens"], "min_new_tokens": job["maxNewTokens"]}
    if job["temperature"] == 0:
        return {**count, "do_sample": False}
    return {**count, "do_sample": True, "temperature": job["temperature"], "top_k": 0, "top_p": 1.0}


def main() -> None:
    import torch

    job = read_job()
    pad = load_tokenizer(job).pad_token_id
    model = load_model(job).eval()
    tokens = 0
    work = batches(job)
    began = time.perf_counter()
    for prompts in work:
        longest = max(map(len, prompts))
        ids = torch.tensor([[pad] * (longest - len(prompt)) + prompt for prompt in prompts])
        mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts])
        with torch.inference_mode():
            found = model.generate(input_ids=ids, attention_mask=mask, pad_token_id=pad, **sampling(job))
        tokens += found.shape[0] * (found.shape[1] - longest)
    seconds = time.perf_counter() - began
    report(sum(map(len, work)), tokens, seconds, "torch", "transformers")


if __name__ == "__main__":
    main()
