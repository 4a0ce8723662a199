"""Known answers for the losses, the optimiser, gradient clipping and the schedules.

DPO losses follow TRL's definitions (trl/trainer/dpo_trainer.py): sigmoid, IPO averaged over tokens, robust,
sigmoid_norm, plus the original conservative DPO (label smoothing) that TRL has dropped, and the token-mean
NLL term. Values and gradients come from PyTorch in float64. AdamW is torch.optim.AdamW, schedules are
transformers.get_scheduler.
Run: python reference/losses_golden.py
"""

from __future__ import annotations

import torch
from torch.nn import functional
from transformers import get_scheduler

from common import write_golden

SEED = 20241201
PAIRS = 6
BETAS = [0.05, 0.1, 0.5]


def pair_logps(generator: torch.Generator) -> dict[str, torch.Tensor]:
    """Summed log-probabilities [PAIRS] and completion lengths, some of them extreme."""
    draw = lambda scale: torch.randn(PAIRS, generator=generator, dtype=torch.float64) * scale - 3 * scale  # noqa: E731
    logps = {name: draw(20.0) for name in ("policyChosen", "policyRejected", "referenceChosen", "referenceRejected")}
    # Pair 0: policy equals reference (loss ln 2). Pair 1: a margin so large that exp overflows float32.
    logps["policyChosen"][0] = logps["referenceChosen"][0]
    logps["policyRejected"][0] = logps["referenceRejected"][0]
    logps["policyChosen"][1] = logps["referenceChosen"][1] - 2500.0
    logps["policyRejected"][1] = logps["referenceRejected"][1] + 2500.0
    logps = {name: value.float().double() for name, value in logps.items()}  # exact in float32
    logps["chosenLength"] = torch.tensor([1, 17, 40, 128, 3, 9], dtype=torch.float64)
    logps["rejectedLength"] = torch.tensor([2, 5, 64, 100, 3, 31], dtype=torch.float64)
    return logps


def dpo_losses(x: dict[str, torch.Tensor], kind: str, beta: float, smoothing: float) -> torch.Tensor:
    """One loss per pair [PAIRS]."""
    chosen = x["policyChosen"] - x["referenceChosen"]
    rejected = x["policyRejected"] - x["referenceRejected"]
    if kind == "sigmoid":  # with smoothing: conservative DPO
        d = beta * (chosen - rejected)
        return -(1 - smoothing) * functional.logsigmoid(d) - smoothing * functional.logsigmoid(-d)
    if kind == "robust":
        d = beta * (chosen - rejected)
        clean = (1 - smoothing) * -functional.logsigmoid(d) - smoothing * -functional.logsigmoid(-d)
        return clean / (1 - 2 * smoothing)
    per_token = chosen / x["chosenLength"] - rejected / x["rejectedLength"]
    if kind == "ipo":
        return (per_token - 1 / (2 * beta)) ** 2
    return -functional.logsigmoid(beta * per_token)  # sigmoid_norm


def dpo_cases(x: dict[str, torch.Tensor]) -> list[dict]:
    """Every loss at several betas with its gradient in the policy's log-probabilities (of the mean over pairs)."""
    cases = []
    variants = [("sigmoid", 0.0), ("sigmoid", 0.1), ("sigmoid", 0.3), ("robust", 0.1), ("ipo", 0.0), ("sigmoid_norm", 0.0)]
    for kind, smoothing in variants:
        for beta in BETAS:
            inputs = dict(x)
            for name in ("policyChosen", "policyRejected"):
                inputs[name] = x[name].clone().requires_grad_(True)
            losses = dpo_losses(inputs, kind, beta, smoothing)
            losses.mean().backward()
            cases.append(
                {
                    "loss": kind,
                    "beta": beta,
                    "labelSmoothing": smoothing,
                    "perPair": losses.tolist(),
                    "mean": losses.mean().item(),
                    "gradientChosen": inputs["policyChosen"].grad.tolist(),
                    "gradientRejected": inputs["policyRejected"].grad.tolist(),
                    "rewardsChosen": (beta * (x["policyChosen"] - x["referenceChosen"])).tolist(),
                    "rewardsRejected": (beta * (x["policyRejected"] - x["referenceRejected"])).tolist(),
                }
            )
    return cases


def nll_case(x: dict[str, torch.Tensor], weight: float) -> dict:
    """Sigmoid DPO at beta 0.1 plus weight times TRL's "sft" loss: the mean over all chosen tokens of the batch."""
    inputs = dict(x)
    for name in ("policyChosen", "policyRejected"):
        inputs[name] = x[name].clone().requires_grad_(True)
    nll = -inputs["policyChosen"].sum() / inputs["chosenLength"].sum()
    total = dpo_losses(inputs, "sigmoid", 0.1, 0.0).mean() + weight * nll
    total.backward()
    return {
        "beta": 0.1,
        "nllWeight": weight,
        "nll": nll.item(),
        "total": total.item(),
        "gradientChosen": inputs["policyChosen"].grad.tolist(),
        "gradientRejected": inputs["policyRejected"].grad.tolist(),
    }


def cross_entropy_case(generator: torch.Generator) -> dict:
    """Token-mean cross-entropy over labels with -100 ignored, and its gradient in the logits [2,5,7]."""
    logits = (torch.randn(2, 5, 7, generator=generator, dtype=torch.float64) * 4).float().double().requires_grad_(True)
    labels = torch.tensor([[-100, -100, 3, 0, 6], [-100, 2, 2, -100, -100]])
    shifted, targets = logits[:, :-1], labels[:, 1:]
    loss = functional.cross_entropy(shifted.reshape(-1, 7), targets.reshape(-1), ignore_index=-100)
    loss.backward()
    gathered = functional.log_softmax(shifted, -1).gather(-1, targets.clamp(min=0)[..., None])[..., 0]
    mask = targets != -100
    probabilities = functional.softmax(shifted, -1)
    entropy = -(probabilities * functional.log_softmax(shifted, -1)).sum(-1)
    return {
        "logits": logits.tolist(),
        "labels": labels.tolist(),
        "loss": loss.item(),
        "trainedTokens": int(mask.sum()),
        "sumLogProbs": (gathered * mask).sum(-1).tolist(),
        "meanTokenAccuracy": ((shifted.argmax(-1) == targets) & mask).sum().item() / mask.sum().item(),
        "entropy": ((entropy * mask).sum() / mask.sum()).item(),
        "gradient": logits.grad.tolist(),
    }


def adamw_case(generator: torch.Generator, weight_decay: float, max_norm: float | None) -> dict:
    """Five float32 AdamW steps on two toy tensors with given gradients."""
    start = [torch.randn(2, 3, generator=generator), torch.randn(4, generator=generator)]
    gradients = [[torch.randn(2, 3, generator=generator) * 3, torch.randn(4, generator=generator)] for _ in range(5)]
    gradients[2][1].zero_()
    rates = [3e-4, 1e-2, 5e-3, 0.0, 1e-1]
    parameters = [torch.nn.Parameter(value.clone()) for value in start]
    optimizer = torch.optim.AdamW(parameters, lr=1.0, betas=(0.9, 0.999), eps=1e-8, weight_decay=weight_decay)
    steps = []
    for rate, values in zip(rates, gradients):
        for parameter, value in zip(parameters, values):
            parameter.grad = value.clone()
        norm = torch.nn.utils.clip_grad_norm_(parameters, float("inf") if max_norm is None else max_norm)
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()
        steps.append({"gradNorm": norm.item(), "parameters": [p.detach().flatten().tolist() for p in parameters]})
    return {
        "weightDecay": weight_decay,
        "maxGradNorm": max_norm,
        "betas": [0.9, 0.999],
        "epsilon": 1e-8,
        "learningRates": rates,
        "start": [value.flatten().tolist() for value in start],
        "gradients": [[value.flatten().tolist() for value in values] for values in gradients],
        "steps": steps,
    }


def schedule(name: str, warmup: int, total: int, rate: float = 5e-4) -> dict:
    """The learning rate that is used at each optimiser step, 0-based."""
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=rate)
    scheduler = get_scheduler(name, optimizer, num_warmup_steps=warmup, num_training_steps=total)
    rates = []
    for _ in range(total):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    transformers_name = {"constant_with_warmup": "constant"}.get(name, name)
    return {"scheduler": transformers_name, "warmupSteps": warmup, "totalSteps": total, "learningRate": rate, "rates": rates}


def main() -> None:
    generator = torch.Generator().manual_seed(SEED)
    x = pair_logps(generator)
    schedules = [schedule("constant", 0, 6), schedule("constant_with_warmup", 3, 8)]
    for name in ("linear", "cosine"):
        schedules += [schedule(name, 0, 8), schedule(name, 3, 10), schedule(name, 10, 40), schedule(name, 5, 5), schedule(name, 0, 1)]
    write_golden(
        "losses",
        __file__,
        ["torch", "transformers"],
        {
            "logps": {name: value.tolist() for name, value in x.items()},
            "dpo": dpo_cases(x),
            "dpoWithNll": [nll_case(x, 0.2), nll_case(x, 1.0)],
            "crossEntropy": cross_entropy_case(generator),
            "adamw": [adamw_case(generator, 0.0, None), adamw_case(generator, 0.01, 1.0)],
            "schedules": schedules,
        },
        seed=SEED,
        tolerance={
            "dpo": {"relative": 1e-5, "absolute": 1e-6},
            "dpoWithNll": {"relative": 1e-5, "absolute": 1e-6},
            "crossEntropy": 1e-5,
            "adamw": {"relative": 1e-5, "absolute": 1e-7},
            "schedules": {"relative": 1e-12},
        },
    )


if __name__ == "__main__":
    main()
