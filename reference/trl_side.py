"""One TRL run of the parity comparison: rows in order, no dropout, float32, the given number of threads.

`--start fresh` writes the reproducible starting adapter of adapters.py; `--start FOLDER` continues a PEFT adapter.
As TRL does it, the reference of DPO is the model that training started from (base plus starting adapter).
Writes OUT/adapter (PEFT), OUT/metrics.jsonl (TRL's names; loss not rounded) and OUT/run.json.
Run: python reference/trl_side.py --model MODEL --method dpo --start fresh --threads 1 --out OUT
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from adapters import ALL_LINEAR, write_fresh_adapter
from common import ROOT, deterministic, load_tokenizer, read_jsonl, versions, write_jsonl

DEFAULTS: dict[str, dict[str, Any]] = {
    "sft": {"learning_rate": 3e-4, "targets": "q_proj,v_proj"},
    "dpo": {"learning_rate": 5e-5, "targets": "all-linear"},
}


def parse() -> argparse.Namespace:
    """The options; those of training have the names of our command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--method", choices=["sft", "dpo"], required=True)
    parser.add_argument("--start", default="fresh", help="fresh, or a PEFT folder")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", type=Path, help="JSON Lines; default reference/rows/METHOD.jsonl")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--max-steps", type=int, default=8)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--gradient-accumulation", type=int, default=1)
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--scheduler", default="linear")
    parser.add_argument("--warmup-steps", type=int, default=0)
    parser.add_argument("--weight-decay", type=float, default=0.0)
    parser.add_argument("--max-grad-norm", type=float, default=1.0)
    parser.add_argument("--max-length", type=int, default=512)
    parser.add_argument("--lora-rank", type=int, default=8)
    parser.add_argument("--lora-alpha", type=int, default=16)
    parser.add_argument("--lora-targets")
    parser.add_argument("--beta", type=float, default=0.1)
    parser.add_argument("--loss", default="sigmoid")
    arguments = parser.parse_args()
    defaults = DEFAULTS[arguments.method]
    arguments.learning_rate = arguments.learning_rate or defaults["learning_rate"]
    arguments.lora_targets = arguments.lora_targets or defaults["targets"]
    arguments.data = arguments.data or ROOT / "reference" / "rows" / f"{arguments.method}.jsonl"
    return arguments


def conversational(rows: list[dict], method: str) -> Any:
    """TRL's conversational columns from string columns."""
    from datasets import Dataset

    answer = lambda text: [{"role": "assistant", "content": text}]  # noqa: E731
    columns = ["completion"] if method == "sft" else ["chosen", "rejected"]
    return Dataset.from_list(
        [
            {"prompt": [{"role": "user", "content": row["prompt"]}], **{name: answer(row[name]) for name in columns}}
            for row in rows
        ]
    )


def training_config(arguments: argparse.Namespace) -> Any:
    """SFTConfig or DPOConfig with everything set that TRL would otherwise choose."""
    from trl import DPOConfig, SFTConfig

    shared = {
        "output_dir": str(arguments.out / "trainer"),
        "max_steps": arguments.max_steps,
        "per_device_train_batch_size": arguments.batch_size,
        "gradient_accumulation_steps": arguments.gradient_accumulation,
        "learning_rate": arguments.learning_rate,
        "lr_scheduler_type": "constant_with_warmup" if arguments.scheduler == "constant" else arguments.scheduler,
        "warmup_steps": arguments.warmup_steps,
        "weight_decay": arguments.weight_decay,
        "max_grad_norm": arguments.max_grad_norm,
        "max_length": arguments.max_length,
        "optim": "adamw_torch",
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "dataloader_num_workers": 0,
        "seed": 42,
        "disable_tqdm": True,
    }
    if arguments.method == "sft":
        return SFTConfig(**shared, loss_type="nll", packing=False, completion_only_loss=True)
    return DPOConfig(**shared, beta=arguments.beta, loss_type=[arguments.loss], disable_dropout=True)


def in_order(base: type) -> type:
    """A trainer that takes rows in order and keeps the unrounded loss of every step."""
    from torch.utils.data import SequentialSampler

    class InOrder(base):  # type: ignore[valid-type, misc]
        exact_losses: list[float] = []
        first_inputs: dict[str, Any] = {}

        def _get_train_sampler(self, dataset: Any = None) -> Any:
            return SequentialSampler(dataset if dataset is not None else self.train_dataset)

        def training_step(self, model: Any, inputs: Any, *rest: Any, **options: Any) -> Any:
            if not self.first_inputs:
                self.first_inputs.update({name: value.tolist() for name, value in inputs.items() if hasattr(value, "tolist")})
            loss = super().training_step(model, inputs, *rest, **options)
            self.exact_losses.append(float(loss.detach()))
            return loss

    return InOrder


def train(arguments: argparse.Namespace, start: Path) -> Any:
    """Run the trainer from a PEFT folder."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM
    import torch
    from trl import DPOTrainer, SFTTrainer

    base = AutoModelForCausalLM.from_pretrained(arguments.model, dtype=torch.float32)
    model = PeftModel.from_pretrained(base, start, is_trainable=True)
    trainer_class = in_order(SFTTrainer if arguments.method == "sft" else DPOTrainer)
    trainer = trainer_class(
        model=model,
        args=training_config(arguments),
        train_dataset=conversational(read_jsonl(arguments.data), arguments.method),
        processing_class=load_tokenizer(arguments.model),
    )
    trainer.train()
    return trainer


def metrics(trainer: Any, accumulation: int) -> list[dict[str, Any]]:
    """One row a step, TRL's names, with the loss as computed instead of the rounded one."""
    logged = [row for row in trainer.state.log_history if "grad_norm" in row]
    losses = trainer.exact_losses
    rows = []
    for index, row in enumerate(logged):
        part = losses[index * accumulation : (index + 1) * accumulation]
        rows.append({**row, "loss": sum(part), "loss_rounded": row["loss"]})
    return rows


def main() -> None:
    arguments = parse()
    deterministic(42, arguments.threads)
    arguments.out.mkdir(parents=True, exist_ok=True)
    targets = ALL_LINEAR if arguments.lora_targets == "all-linear" else arguments.lora_targets.split(",")
    start = arguments.out / "start" if arguments.start == "fresh" else Path(arguments.start)
    if arguments.start == "fresh":
        write_fresh_adapter(arguments.model, start, targets, arguments.lora_rank, arguments.lora_alpha)
    began = time.perf_counter()
    trainer = train(arguments, start)
    seconds = time.perf_counter() - began
    trainer.model.save_pretrained(arguments.out / "adapter", selected_adapters=["default"])
    rows = metrics(trainer, arguments.gradient_accumulation)
    write_jsonl(arguments.out / "metrics.jsonl", rows)
    run = {
        "options": {key: str(value) for key, value in vars(arguments).items()},
        "versions": versions("torch", "transformers", "peft", "trl"),
        "seconds": round(seconds, 2),
        "tokens": rows[-1].get("num_tokens"),
        "firstBatch": trainer.first_inputs,
    }
    (arguments.out / "run.json").write_text(json.dumps(run) + "\n")
    for row in rows:
        print(json.dumps({key: round(value, 6) for key, value in row.items() if isinstance(value, (int, float))}))
    print(f"{seconds:.1f} s, {rows[-1].get('num_tokens')} tokens")


if __name__ == "__main__":
    main()
