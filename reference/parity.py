"""Compare our training with TRL's: SFT and DPO, from a fresh and from an already trained adapter.

For each case: TRL with one and with two threads (kept in OUT and not repeated), our command line from the same
starting adapter, then
- loss, grad_norm, logps/* and rewards/* of every step: |ours - TRL| <= 1e-3 * max(1, |TRL|);
- || delta ours - delta TRL || / || delta TRL || on the product B A of each module: at most the larger of 1e-2 and ten
  times what TRL shows between one and two threads;
- exchange: each adapter scored by PEFT and by our `score`, equal within 1e-3 + 1e-5 relative.
Prints every figure, writes OUT/parity.json, exits with 1 when a bound is missed.
Run: python reference/parity.py --model MODEL --out OUT [--cases dpo-fresh,…] [--cli "npx safe-to-serve"] [--trl-only]
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from adapters import relative_differences
from common import ROOT, read_jsonl, write_jsonl
from trl_side import DEFAULTS

REFERENCE = ROOT / "reference"
CASES = ["sft-fresh", "sft-trained", "dpo-fresh", "dpo-trained"]
COMPARED = ("loss", "grad_norm", "logps/", "rewards/")
METRIC_TOLERANCE, PRODUCT_TOLERANCE, THREAD_FACTOR = 1e-3, 1e-2, 10


def call(command: list[str]) -> None:
    """Run a command from the repository root; its output goes to ours."""
    print("$", shlex.join(command), flush=True)
    subprocess.run(command, cwd=ROOT, check=True)


def trl_run(arguments: argparse.Namespace, method: str, out: Path, *options: str) -> Path:
    """A TRL run in `out`, unless it is there already."""
    if not (out / "metrics.jsonl").exists():
        data = str(arguments.rows / f"{method}.jsonl")
        call([sys.executable, str(REFERENCE / "trl_side.py"), "--model", arguments.model, "--method", method, "--data", data, "--out", str(out), *options])
    return out


def starting_adapter(arguments: argparse.Namespace, method: str, kind: str) -> Path:
    """The PEFT folder that both sides start from; a trained one is a few SFT steps of TRL with the case's modules."""
    if kind == "fresh":
        return trl_run(arguments, method, arguments.out / f"{method}-fresh" / "trl-1", "--threads", "1") / "start"
    targets = DEFAULTS[method]["targets"]
    options = ("--threads", "1", "--max-steps", "4", "--learning-rate", "1e-3", "--lora-targets", targets)
    return trl_run(arguments, "sft", arguments.out / f"{method}-trained" / "pretrained", *options) / "adapter"


def both_trl_runs(arguments: argparse.Namespace, case: str) -> tuple[Path, Path, Path]:
    """Start, TRL with one thread, TRL with two."""
    method, kind = case.split("-")
    start = starting_adapter(arguments, method, kind)
    runs = [
        trl_run(arguments, method, arguments.out / case / f"trl-{threads}", "--threads", str(threads), "--start", "fresh" if kind == "fresh" else str(start))
        for threads in (1, 2)
    ]
    return start, runs[0], runs[1]


def our_run(arguments: argparse.Namespace, case: str, start: Path) -> Path:
    """Our run from the same start, in order, without dropout."""
    method = case.split("-")[0]
    out = arguments.out / case / "ours"
    shutil.rmtree(out, ignore_errors=True)
    options = {
        "model": arguments.model,
        "data": str(arguments.rows / f"{method}.jsonl"),
        "adapter": str(start),
        "out": str(out),
        "template": "chat",
        "max-steps": "8",
        "batch-size": "4",
        "gradient-accumulation": "1",
        "learning-rate": str(DEFAULTS[method]["learning_rate"]),
        "scheduler": "linear",
        "warmup-steps": "0",
        "lora-rank": "8",
        "lora-alpha": "16",
        "lora-dropout": "0",
        "lora-targets": DEFAULTS[method]["targets"],
        "max-length": "512",
        "max-grad-norm": "1",
        "weight-decay": "0",
        "seed": "42",
        "threads": str(arguments.threads),
    }
    if method == "dpo":
        options |= {"beta": "0.1", "loss": "sigmoid", "reference": "start"}
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    call([*shlex.split(arguments.cli), "train", method, *flags, "--no-shuffle"])
    return out


def compare_metrics(theirs: list[dict], ours: list[dict]) -> dict[str, Any]:
    """The worst share of the tolerance for each metric, over all steps."""
    names = [name for name in theirs[0] if name.startswith(COMPARED) and name != "loss_rounded"]
    worst: dict[str, Any] = {}
    for name in names:
        shares = []
        for expected, got in zip(theirs, ours, strict=True):
            if not isinstance(got.get(name), (int, float)):
                raise SystemExit(f"metrics.jsonl: expected a number for {name}, got {got.get(name)!r}")
            shares.append(abs(got[name] - expected[name]) / (METRIC_TOLERANCE * max(1.0, abs(expected[name]))))
        worst[name] = {"shareOfTolerance": max(shares), "step": shares.index(max(shares)) + 1}
    return worst


def peft_scores(model_folder: str, adapter: Path | None, rows: list[dict]) -> list[float]:
    """Summed log-probabilities of response and end-of-turn token by PEFT."""
    from peft import PeftModel

    from common import load_model, load_tokenizer
    from logprobs_golden import encode, token_logprobs

    model, tokenizer = load_model(model_folder), load_tokenizer(model_folder)
    if adapter is not None:
        model = PeftModel.from_pretrained(model, adapter).eval()
    return [sum(token_logprobs(model, *encode(tokenizer, row["prompt"], row["response"]))[0]) for row in rows]


def exchange(arguments: argparse.Namespace, case: str, adapters: dict[str, Path]) -> dict[str, Any]:
    """Each adapter's scores by PEFT and by our command line: the worst share of the tolerance."""
    folder = arguments.out / case
    source = read_jsonl(arguments.rows / "sft.jsonl")[:8]
    rows = [{"id": row["id"], "prompt": row["prompt"], "response": row["completion"]} for row in source]
    write_jsonl(folder / "exchange.jsonl", rows)
    found = {}
    for name, adapter in adapters.items():
        out = folder / f"scores-{name}.jsonl"
        options = ["--model", arguments.model, "--adapter", str(adapter), "--data", str(folder / "exchange.jsonl"), "--out", str(out)]
        call([*shlex.split(arguments.cli), "score", *options])
        ours = {row["id"]: row["logprob"] for row in read_jsonl(out)}
        theirs = peft_scores(arguments.model, adapter, rows)
        shares = [abs(ours[row["id"]] - value) / (1e-3 + 1e-5 * abs(value)) for row, value in zip(rows, theirs)]
        found[name] = {"shareOfTolerance": max(shares), "rows": len(rows)}
    return found


def compare_case(arguments: argparse.Namespace, case: str) -> dict[str, Any]:
    """Every figure of one case, and whether it is within bounds."""
    start, one, two = both_trl_runs(arguments, case)
    threads = relative_differences(start, one / "adapter", two / "adapter")
    thread_metrics = compare_metrics(read_jsonl(one / "metrics.jsonl"), read_jsonl(two / "metrics.jsonl"))
    result: dict[str, Any] = {"trlThreads": summary(threads), "trlThreadMetrics": thread_metrics}
    if arguments.trl_only:
        return result
    ours = our_run(arguments, case, start)
    result["metrics"] = compare_metrics(read_jsonl(one / "metrics.jsonl"), read_jsonl(ours / "metrics.jsonl"))
    products = relative_differences(start, one / "adapter", ours / "adapter")
    result["products"] = summary(products)
    bounds = {name: max(PRODUCT_TOLERANCE, THREAD_FACTOR * threads[name]) for name in products}
    result["productsOverBound"] = sorted(name for name in products if products[name] > bounds[name])
    result["exchange"] = exchange(arguments, case, {"ours": ours / "adapter", "trl": one / "adapter"})
    shares = [*result["metrics"].values(), *result["exchange"].values()]
    result["ok"] = not result["productsOverBound"] and all(share["shareOfTolerance"] <= 1 for share in shares)
    return result


def summary(values: dict[str, float]) -> dict[str, Any]:
    """Median, maximum and the module of the maximum."""
    worst = max(values, key=lambda name: values[name])
    return {"median": statistics.median(values.values()), "max": values[worst], "module": worst, "modules": len(values)}


def show(case: str, result: dict[str, Any]) -> None:
    """Print the figures of a case."""
    print(f"\n{case}: {'TRL only' if 'ok' not in result else 'ok' if result['ok'] else 'OUT OF BOUNDS'}")
    for name, share in result.get("metrics", result["trlThreadMetrics"]).items():
        other = result["trlThreadMetrics"][name]["shareOfTolerance"]
        print(f"  {name:22} worst share of tolerance {share['shareOfTolerance']:10.2e} at step {share['step']}, TRL 1 vs 2 threads {other:.2e}")
    for title, key in (("product, ours vs TRL", "products"), ("product, TRL 1 vs 2 threads", "trlThreads")):
        if key in result:
            print(f"  {title:28} median {result[key]['median']:.2e}, max {result[key]['max']:.2e} ({result[key]['module']})")
    for name, share in result.get("exchange", {}).items():
        print(f"  adapter of {name}: PEFT vs our score, worst share of tolerance {share['shareOfTolerance']:.2e} of {share['rows']} rows")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--rows", type=Path, default=REFERENCE / "rows", help="folder of sft.jsonl and dpo.jsonl")
    parser.add_argument("--cli", default="npx safe-to-serve")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--trl-only", action="store_true", help="produce TRL's side and stop")
    arguments = parser.parse_args()
    arguments.out, arguments.rows = arguments.out.resolve(), arguments.rows.resolve()
    results = {}
    for case in arguments.cases.split(","):
        if case not in CASES:
            raise SystemExit(f"--cases: expected some of {', '.join(CASES)}, got {case}")
        results[case] = compare_case(arguments, case)
        show(case, results[case])
        (arguments.out / "parity.json").write_text(json.dumps(results, indent=2) + "\n")
    if not all(result.get("ok", True) for result in results.values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
