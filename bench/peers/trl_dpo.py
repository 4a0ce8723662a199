"""TRL's DPOTrainer over the job's pairs, in order, the reference's forward passes included.

Timed: `train()` (and the precomputed reference, where the job asks for it); not timed: imports, model, tokenising.
Run by bench/run.ts: python bench/peers/trl_dpo.py JOB.json
"""

from __future__ import annotations

import tempfile
import time
from typing import Any

from common import load_model, load_tokenizer, lora_config, read_job, read_rows, report


def dataset(job: dict[str, Any]) -> Any:
    """TRL's conversational columns; sorted by length where the job asks for it."""
    from datasets import Dataset

    rows = read_rows(job)
    if job.get("groupByLength"):
        rows.sort(key=lambda row: len(row["prompt"]) + max(len(row["chosen"]), len(row["rejected"])))
    turn = lambda role, text: [{"role": role, "content": text}]  # noqa: E731
    return Dataset.from_list(
        [
            {
                "prompt": turn("user", row["prompt"]),
                "chosen": turn("assistant", row["chosen"]),
                "rejected": turn("assistant", row["rejected"]),
            }
            for row in rows
        ]
    )


def config(job: dict[str, Any], folder: str) -> Any:
    """DPOConfig with everything set that TRL would otherwise choose."""
    from trl import DPOConfig

    micro_batch = job.get("microBatch", job["batchSize"])
    return DPOConfig(
        output_dir=folder,
        num_train_epochs=1,
        per_device_train_batch_size=micro_batch,
        gradient_accumulation_steps=job["batchSize"] // micro_batch,
        learning_rate=job["learningRate"],
        lr_scheduler_type="linear",
        max_length=job["maxLength"],
        max_grad_norm=1.0,
        beta=0.1,
        loss_type=["sigmoid"],
        optim="adamw_torch",
        train_sampling_strategy="sequential",
        precompute_ref_log_probs=bool(job.get("precomputeReference")),
        gradient_checkpointing=bool(job.get("checkpointing")),
        use_cpu=True,
        bf16=False,
        seed=job["seed"],
        save_strategy="no",
        logging_steps=1,
        report_to="none",
        disable_tqdm=True,
    )


def timed_trainer() -> type:
    """DPOTrainer that adds up the seconds of the reference precomputed in its constructor."""
    from trl import DPOTrainer

    class Timed(DPOTrainer):
        reference_seconds = 0.0

        def _precompute_ref_logps(self, *arguments: Any, **options: Any) -> Any:
            began = time.perf_counter()
            found = super()._precompute_ref_logps(*arguments, **options)
            self.reference_seconds += time.perf_counter() - began
            return found

    return Timed


def real_tokens(rows: Any, max_length: int) -> int:
    """Tokens of all sequences after truncation, padding not counted."""
    return sum(
        min(max_length, len(row["prompt_ids"]) + len(row[side])) for row in rows for side in ("chosen_ids", "rejected_ids")
    )


def main() -> None:
    job = read_job()
    with tempfile.TemporaryDirectory() as folder:
        trainer = timed_trainer()(
            model=load_model(job),
            args=config(job, folder),
            train_dataset=dataset(job),
            processing_class=load_tokenizer(job),
            peft_config=lora_config(job),
        )
        began = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - began + trainer.reference_seconds
    rows = trainer.train_dataset
    report(len(rows), real_tokens(rows, job["maxLength"]), seconds, "torch", "transformers", "peft", "trl")


if __name__ == "__main__":
    main()
