"""Goldens of BLEU, ROUGE and distinct-n on 200 pairs of real texts and on texts that tokenizers stumble over.

Independent libraries: sacrebleu, rouge-score, nltk (n-grams). Pairs are rows of the bundled data, named by id: two models'
answers to one XSTest prompt, and answers of neighbouring Alpaca rows.
Run: python reference/text_metrics_golden.py
"""

import gzip
import json

import sacrebleu
from nltk.util import ngrams
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

from common import ROOT, write_golden

ORDERS = ["rouge1", "rouge2", "rougeL"]
SCORER = RougeScorer(ORDERS, use_stemmer=False)
TOKENIZE = Tokenizer13a()

# [answer, reference]
TEXTS = [
    ["", "A reference."],
    ["An answer.", ""],
    ["", ""],
    ["one", "one"],
    ["one two", "one two"],
    ["one two three", "three two one"],
    ["It costs $1,234.50 - or 3.5% less.", "It costs $1,234.50, or 3.5 % less -- today."],
    ["Write to a.b@c.de (soon!)\nand wait...", "Write to a.b@c.de, soon, and wait."],
    ["&quot;Fish &amp; chips&quot; &lt;b&gt;", '"Fish & chips" <b>'],
    ["hyphen-\nated and well-known 1990-2000", "hyphenated and well-known 1990 - 2000"],
    ["na\u00efve caf\u00e9 \u201cquoted\u201d \u2014 dash\u2026", "naive caf\u00e9 \"quoted\" - dash..."],
    ["\u4f60\u597d\u3002 \u4e16\u754c", "\u4f60\u597d \u4e16\u754c"],
    ["no\u00a0break\u2003wide\u3000space\ufeffmark\u200bzero", "no break wide space mark zero"],
    ["tab\tand\x0bvertical\x0cform\x1cfile\x1funit\x85next", "tab and vertical form file unit next"],
    ["\U0001f600, smile.\U0001f600.", "\U0001f600 , smile . \U0001f600 ."],
    ["a.b,c .5 5. ,", "a . b , c 5"],
    ["<skipped> text -\n", "text"],
    ["The \u212aelvin and \u0130stanbul", "the kelvin and istanbul"],
    ["again again again again again", "again"],
]


def rows(path: str) -> list[dict]:
    with gzip.open(ROOT / "data" / path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def pairs() -> list[tuple[tuple[str, str], tuple[str, str]]]:
    """(id, text) of an answer and of its reference."""
    answers = {row["id"]: row["response"] for row in rows("xstest/completions.jsonl.gz")}
    models = [("mistralinstruct", "gpt4"), ("llama2new", "gpt4"), ("llama2orig", "llama2new"), ("mistralguard", "mistralinstruct")]
    found = []
    for i in range(160):
        ids = [f"xstest-{model}-{1 + 2 * i:03d}" for model in models[i % len(models)]]
        found.append(tuple((each, answers[each]) for each in ids))
    alpaca = rows("instructions/alpaca_5k.jsonl.gz")
    for i in range(40):
        found.append(tuple((row["id"], row["output"]) for row in alpaca[100 * i : 100 * i + 2]))
    return found


def scores(answer: str, reference: str) -> list[float]:
    """Sentence BLEU, then precision, recall and F of each ROUGE."""
    rouge = SCORER.score(reference, answer)
    bleu = sacrebleu.sentence_bleu(answer, [reference]).score
    return [bleu, *(float(x) for order in ORDERS for x in rouge[order])]


def corpus(answers: list[str], references: list[str]) -> dict:
    tokens = [TOKENIZE(answer.rstrip()).split() for answer in answers]
    found = {"bleu": sacrebleu.corpus_bleu(answers, [references]).score}
    for n in (1, 2):
        every = [gram for words in tokens for gram in ngrams(words, n)]
        found[f"distinct{n}"] = len(set(every)) / len(every)
    return found


def main() -> None:
    real = pairs()
    texts = [pair for pair in TEXTS if pair[0]]
    write_golden(
        "text-metrics",
        __file__,
        ["sacrebleu", "rouge-score", "nltk"],
        {
            "columns": ["bleu", *(f"{order}.{part}" for order in ORDERS for part in ("p", "r", "f"))],
            "pairs": [[a[0], b[0], *scores(a[1], b[1])] for a, b in real],
            "corpus": corpus([a[1] for a, _ in real], [b[1] for _, b in real]),
            "texts": [[a, b, *scores(a, b)] for a, b in TEXTS],
            "textsCorpus": corpus([a for a, _ in texts], [b for _, b in texts]),
            "tokens": [[a, TOKENIZE(a.rstrip()).split()] for a, _ in TEXTS],
            "shortCorpus": corpus(["one two"], ["one two"]),
        },
        tolerance=1e-9,
    )


if __name__ == "__main__":
    main()
