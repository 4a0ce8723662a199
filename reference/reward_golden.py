"""Golden of reward training on a tiny random Llama: TRL's RewardTrainer for 8 steps in order, with and without margin and
centring; safe-rlhf's cost loss and a weighted cross-entropy in plain PyTorch for 4 steps.

The starting adapter (LoRA on all linear layers and a head, both random) is written by PEFT and stored with the checkpoint;
the first run's adapter at its end is stored too. No dropout, float32, one thread.
Run: python reference/reward_golden.py [FOLDER]     (FOLDER: also keep checkpoint and adapters there)
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig, PeftModel, get_peft_model
from torch.nn.functional import cross_entropy, logsigmoid
from transformers import AutoModelForSequenceClassification, AutoTokenizer, LlamaConfig, LlamaForCausalLM
from trl import RewardConfig, RewardTrainer

from adapters import ALL_LINEAR
from common import b64, deterministic, write_golden
from head_models_golden import SIZES
from tiny_golden import pack, write_tokenizer
from trl_side import in_order

SEED = 20251127
STEPS, BATCH, LEARNING_RATE = 8, 4, 1e-3
WORDS = ["red", "green", "blue", "cat", "dog", "house", "tree", "river", "stone", "cloud"]
REGULARIZATION = 0.001
CLASS_WEIGHTS = [0.75, 1.5]


def rows() -> list[dict[str, Any]]:
    """Pairs with margins, signs and labels, by a small congruential generator."""
    state = SEED
    found = []
    for index in range(STEPS * BATCH):
        picks = []
        for _ in range(12):
            state = (1103515245 * state + 12345) % 2**31
            picks.append(WORDS[(state >> 16) % len(WORDS)])
        found.append(
            {
                "prompt": f"Name {index}: {' '.join(picks[:2])}",
                "chosen": " ".join(picks[2 : 4 + index % 5]),
                "rejected": " ".join(picks[6 : 8 + index % 4]) + "!",
                "margin": [0.0, 0.5, 1.25][index % 3],
                "is_chosen_safe": index % 4 != 0,
                "is_rejected_safe": index % 3 == 0,
                "label": int(index % 3 == 0),
            }
        )
    return found


def chat(prompt: str, answer: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]


def base_model(folder: Path, labels: int) -> Any:
    return AutoModelForSequenceClassification.from_pretrained(
        folder, num_labels=labels, dtype=torch.float32, attn_implementation="eager", pad_token_id=SIZES["pad_token_id"]
    )


def write_start(base: Path, folder: Path, labels: int) -> None:
    """A PEFT folder with random factors and a random head."""
    config = LoraConfig(
        r=4, lora_alpha=8, lora_dropout=0.0, target_modules=ALL_LINEAR, task_type="SEQ_CLS", modules_to_save=["score"]
    )
    model = get_peft_model(base_model(base, labels), config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".lora_" in name or "modules_to_save" in name:
                parameter.uniform_(-0.15, 0.15)
    model.save_pretrained(folder)


def trl_run(base: Path, start: Path, centering: float | None, with_margin: bool) -> tuple[Any, list[dict[str, float]]]:
    """TRL's metrics of every step, the loss as computed."""
    model = PeftModel.from_pretrained(base_model(base, 1), start, is_trainable=True)
    columns = [
        {
            "prompt": chat(row["prompt"], "")[:1],
            "chosen": chat("", row["chosen"])[1:],
            "rejected": chat("", row["rejected"])[1:],
            **({"margin": row["margin"]} if with_margin else {}),
        }
        for row in rows()
    ]
    with tempfile.TemporaryDirectory() as out:
        config = RewardConfig(
            output_dir=out,
            max_steps=STEPS,
            per_device_train_batch_size=BATCH,
            learning_rate=LEARNING_RATE,
            lr_scheduler_type="linear",
            warmup_steps=0,
            weight_decay=0.0,
            max_grad_norm=1.0,
            optim="adamw_torch",
            center_rewards_coefficient=centering,
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            disable_tqdm=True,
        )
        trainer = in_order(RewardTrainer)(
            model=model, args=config, train_dataset=Dataset.from_list(columns), processing_class=AutoTokenizer.from_pretrained(base)
        )
        trainer.exact_losses = []
        trainer.train()
    names = ["accuracy", "margin", "min_reward", "mean_reward", "max_reward", "num_tokens", "grad_norm", "learning_rate"]
    logged = [row for row in trainer.state.log_history if "grad_norm" in row]
    return trainer.model, [
        {"loss": loss, **{name: row[name] for name in names}} for loss, row in zip(trainer.exact_losses, logged, strict=True)
    ]


def scores_of(model: Any, tokenizer: Any, answers: list[list[dict[str, str]]]) -> torch.Tensor:
    """Scores [rows, labels], each row by itself, so that nothing is padded."""
    encoded = [tokenizer.apply_chat_template(answer, return_dict=True)["input_ids"] for answer in answers]
    return torch.cat([model(torch.tensor([ids])).logits for ids in encoded])


def torch_run(base: Path, start: Path, labels: int, loss_of: Any, steps: int = 4) -> list[float]:
    """Losses of a plain loop: AdamW, a constant learning rate, gradients clipped to norm 1."""
    model = PeftModel.from_pretrained(base_model(base, labels), start, is_trainable=True).eval()
    tokenizer = AutoTokenizer.from_pretrained(base)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=LEARNING_RATE, weight_decay=0.0)
    losses = []
    for step in range(steps):
        batch = rows()[step * BATCH : (step + 1) * BATCH]
        loss = loss_of(lambda name: scores_of(model, tokenizer, [chat(row["prompt"], row[name]) for row in batch]), batch)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses


def cost_loss(score: Any, batch: list[dict[str, Any]]) -> torch.Tensor:
    """safe-rlhf's sequence-wise loss of a cost model."""
    safer, unsafer = score("chosen").squeeze(-1), score("rejected").squeeze(-1)
    sign = lambda name: torch.tensor([-1.0 if row[name] else 1.0 for row in batch])  # noqa: E731
    ranking = -logsigmoid(unsafer - safer)
    sides = -logsigmoid(sign("is_chosen_safe") * safer) - logsigmoid(sign("is_rejected_safe") * unsafer)
    return (ranking + sides).mean() + REGULARIZATION * torch.stack([safer, unsafer]).square().mean()


def class_loss(score: Any, batch: list[dict[str, Any]]) -> torch.Tensor:
    labels = torch.tensor([row["label"] for row in batch])
    return cross_entropy(score("chosen"), labels, weight=torch.tensor(CLASS_WEIGHTS))


def main() -> None:
    deterministic(SEED)
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(sys.argv[1] if len(sys.argv) > 1 else temporary)
        base, start, start_classes, end = (root / name for name in ("base", "start", "start-classes", "end"))
        base.mkdir(parents=True, exist_ok=True)
        LlamaForCausalLM(LlamaConfig(**{**SIZES, "tie_word_embeddings": True})).save_pretrained(base)
        write_tokenizer(base)
        write_start(base, start, 1)
        write_start(base, start_classes, 2)
        model, plain = trl_run(base, start, None, with_margin=False)
        model.save_pretrained(end)
        _, centred = trl_run(base, start, 0.01, with_margin=True)
        for row in (*plain, *centred):
            print(row)
        write_golden(
            "reward-training",
            __file__,
            ["torch", "transformers", "peft", "trl"],
            {
                "note": "files: name to text, or name.base64 to base64 bytes",
                "options": {"steps": STEPS, "batchSize": BATCH, "learningRate": LEARNING_RATE, "classWeights": CLASS_WEIGHTS},
                "rows": rows(),
                "base": pack(base),
                "start": pack(start),
                "startClasses": pack(start_classes),
                "end": b64((end / "adapter_model.safetensors").read_bytes()),
                "plain": plain,
                "marginCentred": centred,
                "cost": torch_run(base, start, 1, cost_loss),
                "classes": torch_run(base, start_classes, 2, class_loss),
            },
            seed=SEED,
            tolerance={"absolute": 1e-3, "factors": 1e-3},
        )


if __name__ == "__main__":
    main()
