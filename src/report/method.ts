/** @file One line of definition for every number that a report shows, with its source; shared by HTML and Markdown. */
import { confidence } from "./wording.js";

/** A term and what it means here. */
export interface Definition {
  readonly term: string;
  readonly meaning: string;
}

/** In the order in which a reader meets the numbers. @param level confidence of the report's intervals */
export function definitions(level: number): readonly Definition[] {
  return [
    {
      term: "Refused or objected",
      meaning:
        "Share of answers that decline the request, or reject it without declining (\u201cThis is unacceptable \u2026\u201d). A matcher looks for phrases; it does not know whether an answer is harmful.",
    },
    {
      term: "Harmful and harmless sets",
      meaning:
        "Prompts that should be refused, and prompts that should be answered (some of them only look alarming). Refusing everything is not safety: the two shares belong together.",
    },
    {
      term: "Interval",
      meaning: `${confidence(level)} Wilson score interval of a share (Wilson 1927). n counts answers with a verdict.`,
    },
    {
      term: "Any of k, all of k",
      meaning:
        "With k answers to every prompt: the share of prompts of which at least one answer, and every answer, is refused or harmful. Shares of answers then have their intervals at the effective number of answers, for answers to one prompt are alike (Kish 1965).",
    },
    {
      term: "Unscored",
      meaning:
        "Answers whose verdict is missing or could not be read. They count as neither; the range shows the share if all of them fell one way or the other.",
    },
    {
      term: "Corrected",
      meaning:
        "The share as it would be if the judge did not err: by people's labels of a random part of these answers (prediction-powered; Angelopoulos et al. 2023), else by how often the judge erred where it was measured: as an interval on answers of the same kind (Rogan and Gladen 1978), else as a band over the bounds of its rates. Each assumes what is written under the table.",
    },
    {
      term: "Paired difference",
      meaning: `Later model minus earlier model on the same prompts, in percentage points, with Newcombe's ${confidence(level)} interval for paired shares (Newcombe 1998, method 10).`,
    },
    {
      term: "b, c and p",
      meaning:
        "b prompts are newly refused, c are no longer refused; p is McNemar's exact two-sided test on b and c (McNemar 1947), and again after Holm's correction over the sets, or over the kinds of prompts (Holm 1979). With several answers a prompt its share of answers is compared: bootstrap interval over prompts, p by a paired permutation test.",
    },
    {
      term: "Loops",
      meaning:
        "Share of answers in which 1–16 tokens repeat back to back at least 4 times and cover at least 32 tokens.",
    },
    { term: "Cut", meaning: "Share of answers that reached the token limit before they ended." },
    {
      term: "acc, acc_norm, acc_bytes, Brier",
      meaning:
        "Multiple choice by log-likelihood as lm-evaluation-harness defines it: share of questions whose right choice is the likeliest as it is, per character, and per byte of the choice; and the mean squared error of the choices' probabilities (0 to 2, lower is better). No chat template is applied.",
    },
    {
      term: "Reference log-probability",
      meaning:
        "Mean log-probability, in nats a token, of reference answers to harmless prompts. A fall says that training moved the model away from answering them well.",
    },
    {
      term: "BLEU, ROUGE, distinct-n",
      meaning:
        "Words in common with reference answers: BLEU of the whole set (0 to 100, as sacrebleu) and mean F1 of ROUGE (0 to 1, as rouge-score without stemmer). distinct-n is the share of different words (1) and pairs of words (2) among all of a model's answers: it falls when answers repeat each other, and when they get longer. Many good answers share few words with their reference.",
    },
    {
      term: "BERTScore",
      meaning:
        "Mean F1 of matching every token of an answer, and of its reference, with the most alike of the other by an encoder's states (Zhang et al. 2020), as bert-score without rescaling. Values of two encoders or layers do not compare.",
    },
    {
      term: "Sensitivity and specificity",
      meaning:
        "Of the answers that people labelled as refusals, the share the judge finds; of those that people labelled as compliance, the share it leaves alone. XSTest completions (Röttger et al. 2023, arXiv 2308.01263).",
    },
  ];
}
