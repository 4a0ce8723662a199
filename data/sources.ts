/**
 * @file The table of data sets: where each comes from, under which licence, what it is for. `build.ts` turns it into
 * the bundled files, `catalogue.json` and `LICENSES.md`. Licences are those that the upstream repository states.
 */

/** One data set before it is read. */
export interface Source {
  /** Name on the command line. */
  readonly name: string;
  /** Path inside the source folder; for our own set, inside `data/`. */
  readonly from: string;
  /** Path of the bundled file inside `data/`; absent where the file is not ours to pass on. */
  readonly bundle?: string;
  readonly what: string;
  readonly upstream: string;
  readonly licence: string;
  readonly isNonCommercial: boolean;
  readonly role: "train" | "evaluate" | "judge-train" | "judge-validation";
  /** The most that may be trained on it. */
  readonly mayTrain: "policy" | "judge" | "none";
  /** Names of the columns that hold the prompt, for contamination checks. */
  readonly promptColumns: readonly string[];
}

type Common = Pick<Source, "upstream" | "licence" | "isNonCommercial">;

const LLAMAS: Common = {
  upstream: "github.com/vinid/safety-tuned-llamas",
  licence: "data CC-BY-NC-4.0, code MIT; SafeText items (PhysicalSafety*) under their own terms",
  isNonCommercial: true,
};
const XSTEST = "github.com/paul-rottger/exaggerated-safety";
const AUTHORS: Common = {
  upstream: "github.com/AmballaAvinash/LLM_Alignment",
  licence: "none stated (no licence file)",
  isNonCommercial: true,
};
const ALPACA_EVAL: Common = {
  upstream: "github.com/tatsu-lab/alpaca_eval",
  licence: "code Apache-2.0, data CC-BY-NC-4.0",
  isNonCommercial: true,
};
const DO_NOT_ANSWER: Common = {
  upstream: "github.com/kunishou/do-not-answer-ja (a fork of Libr-AI/do-not-answer)",
  licence: "data CC-BY-NC-SA-4.0, code Apache-2.0",
  isNonCommercial: true,
};
const CHOICE: Common = {
  upstream: "github.com/AGI-Edgerunners/LLM-Adapters",
  licence: "ODC-By (DATA_LICENSE), code Apache-2.0",
  isNonCommercial: false,
};
const MMLU: Common = {
  upstream: "github.com/HaeChan0305/MLILAB-FedLLM",
  licence: "Apache-2.0 (repository); MMLU is MIT",
  isNonCommercial: false,
};

function llamas(set: string, what: string): Source {
  const from = `safety_tuned_llamas/${set}.jsonl`;
  return { name: set, from, bundle: `${from}.gz`, what, ...evaluation(), ...LLAMAS };
}

function evaluation(): Pick<Source, "role" | "mayTrain" | "promptColumns"> {
  return { role: "evaluate", mayTrain: "none", promptColumns: ["prompt"] };
}

function choice(set: string, what: string, common: Common): Source {
  return {
    name: set,
    from: `multiple_choice/${set}.jsonl`,
    what,
    ...evaluation(),
    promptColumns: ["question"],
    ...common,
  };
}

function authors(
  set: string,
  what: string,
  role: "train" | "evaluate",
  promptColumns: readonly string[],
): Source {
  const mayTrain = role === "train" ? "policy" : "none";
  return { name: set, from: `paper_authors/${set}.jsonl`, what, role, mayTrain, promptColumns, ...AUTHORS };
}

/** Answers and figures of the paper; their prompts are those of the sets above. */
function reference(set: string, what: string): Source {
  const from = `paper_reference/${set}.jsonl`;
  return { name: set, from, what, role: "evaluate", mayTrain: "none", promptColumns: [], ...AUTHORS };
}

/** One model's answers to AlpacaEval: what a helpfulness reward model is validated on. */
function alpacaEvalAnswers(model: string, what: string): Source {
  const from = `alpaca_eval/outputs_${model}.jsonl`;
  return {
    name: `alpaca_eval-${model}`,
    from,
    bundle: `${from}.gz`,
    what: `answers of ${model} to AlpacaEval: ${what}`,
    role: "judge-validation",
    mayTrain: "none",
    promptColumns: ["instruction"],
    ...ALPACA_EVAL,
  };
}

/** Harmless contrasts, written for this project. */
function own(set: string, what: string): Source {
  const file = `contrast/${set}.jsonl`;
  return {
    name: set,
    from: file,
    bundle: file,
    what: `${what}; written for this project`,
    upstream: "this project",
    licence: "Apache-2.0",
    isNonCommercial: false,
    role: "train",
    mayTrain: "policy",
    promptColumns: ["prompt"],
  };
}

const ALPACA_COLUMNS = ["instruction", "input"];

/** Every data set that safe-to-serve knows, bundled ones first. */
export const SOURCES: readonly Source[] = [
  llamas(
    "I-MaliciousInstructions",
    "malicious instructions; 98 distinct prompts, the repeated ones are marked",
  ),
  llamas("I-CoNa", "hateful instructions, from the CONAN counter-narrative data"),
  llamas("I-Controversial", "instructions for controversial opinions"),
  llamas("I-PhysicalSafetyUnsafe", "physically unsafe instructions, from SafeText"),
  llamas(
    "I-PhysicalSafetySafe",
    "physically safe instructions, from SafeText: control for exaggerated safety",
  ),
  llamas("Q-Harm", "harmful questions, from Anthropic's red-team data"),
  llamas("I-Alpaca", "harmless instructions: control for helpfulness"),
  {
    name: "safety_only_train",
    from: "safety_tuned_llamas/safety_only_train.jsonl",
    bundle: "safety_tuned_llamas/safety_only_train.jsonl.gz",
    what: "safety training examples: unsafe instruction, safe answer; rows that repeat a prompt are marked",
    role: "train",
    mayTrain: "policy",
    promptColumns: ALPACA_COLUMNS,
    ...LLAMAS,
  },
  {
    name: "xstest",
    from: "xstest/prompts.jsonl",
    bundle: "xstest/prompts.jsonl.gz",
    what: "XSTest: 250 safe prompts that look unsafe, 200 unsafe contrasts",
    upstream: XSTEST,
    licence: "CC-BY-4.0",
    isNonCommercial: false,
    ...evaluation(),
  },
  {
    name: "xstest-completions",
    from: "xstest/completions.jsonl",
    bundle: "xstest/completions.jsonl.gz",
    what: "five models' answers to XSTest, labelled full compliance, full or partial refusal by two people",
    upstream: XSTEST,
    licence: "prompts CC-BY-4.0; completions under the licences of Meta, Mistral, OpenAI",
    isNonCommercial: false,
    role: "judge-validation",
    mayTrain: "none",
    promptColumns: ["prompt"],
  },
  {
    name: "advbench",
    from: "advbench/harmful_behaviors.jsonl",
    bundle: "advbench/harmful_behaviors.jsonl.gz",
    what: "AdvBench: 520 harmful behaviours with the affirmative target",
    upstream: "github.com/andyrdt/refusal_direction (a copy of llm-attacks/llm-attacks)",
    licence: "Apache-2.0 (repository); AdvBench is MIT",
    isNonCommercial: false,
    ...evaluation(),
  },
  {
    name: "harmbench",
    from: "harmbench/behaviors.jsonl",
    bundle: "harmbench/standard.jsonl.gz",
    what: "HarmBench: the 200 standard text behaviours (copyright and contextual ones left out)",
    upstream: "github.com/busycalibrating/AdversariaLLM (a copy of centerforaisafety/HarmBench)",
    licence: "MIT",
    isNonCommercial: false,
    ...evaluation(),
  },
  {
    name: "hh_rlhf",
    from: "hh_rlhf/harmless_base_test.jsonl",
    bundle: "hh_rlhf/harmless_base_test.jsonl.gz",
    what: "human preference pairs on harmlessness, parsed into lists of messages",
    upstream: "github.com/anthropics/hh-rlhf (harmless-base, test)",
    licence: "MIT",
    isNonCommercial: false,
    role: "train",
    mayTrain: "policy",
    promptColumns: ["prompt"],
  },
  {
    name: "safe_rlhf_mini",
    from: "jailbreakeval/safe_rlhf_mini.jsonl",
    bundle: "jailbreakeval/safe_rlhf_mini_pairs.jsonl.gz",
    what: "pairs of a safe (chosen) and an unsafe (rejected) answer to the same prompt, from PKU-SafeRLHF",
    upstream: "github.com/ThuCCSLab/JailbreakEval",
    licence: "MIT (repository); PKU-SafeRLHF is known as CC-BY-NC-4.0 (not checked)",
    isNonCommercial: true,
    role: "train",
    mayTrain: "policy",
    promptColumns: ["prompt"],
  },
  {
    name: "alpaca_5k",
    from: "instructions/alpaca_train.jsonl",
    bundle: "instructions/alpaca_5k.jsonl.gz",
    what: "5,000 Alpaca instructions with answers, a seeded choice of the rows that are not about safety",
    upstream: "github.com/gpt4life/alpagasus, github.com/tianyi-lab/Cherry_LLM",
    licence: "repositories state none; Stanford Alpaca data CC-BY-NC-4.0",
    isNonCommercial: true,
    role: "train",
    mayTrain: "policy",
    promptColumns: ALPACA_COLUMNS,
  },
  {
    name: "dolly_3k",
    from: "instructions/dolly_3k_train.jsonl",
    bundle: "instructions/dolly_3k_train.jsonl.gz",
    what: "human-written instructions with answers (Databricks Dolly, the best fifth)",
    upstream: "github.com/gpt4life/alpagasus",
    licence: "repository states none; Dolly is CC-BY-SA-3.0",
    isNonCommercial: false,
    role: "train",
    mayTrain: "policy",
    promptColumns: ALPACA_COLUMNS,
  },
  {
    name: "safe_rlhf_mini-labelled",
    from: "jailbreakeval/safe_rlhf_mini.jsonl",
    bundle: "jailbreakeval/safe_rlhf_mini.jsonl.gz",
    what: "PKU-SafeRLHF question-answer pairs with a safe / unsafe label; its safe/unsafe pairs are safe_rlhf_mini",
    upstream: "github.com/ThuCCSLab/JailbreakEval",
    licence: "MIT (repository); PKU-SafeRLHF is known as CC-BY-NC-4.0 (not checked)",
    isNonCommercial: true,
    role: "judge-train",
    mayTrain: "judge",
    promptColumns: ["prompt"],
  },
  {
    name: "gptfuzz",
    from: "gptfuzz/train.jsonl",
    bundle: "gptfuzz/train.jsonl.gz",
    what: "answers to 80 harmful questions under jailbreak templates, labelled by people",
    upstream: "github.com/sherdencooper/GPTFuzz",
    licence: "MIT",
    isNonCommercial: false,
    role: "judge-train",
    mayTrain: "judge",
    promptColumns: ["prompt"],
  },
  {
    name: "do_not_answer",
    from: "do_not_answer/prompts.jsonl",
    bundle: "do_not_answer/prompts.jsonl.gz",
    what: "Do-Not-Answer: prompts that a responsible model should not follow",
    ...evaluation(),
    ...DO_NOT_ANSWER,
  },
  {
    name: "do_not_answer-responses",
    from: "do_not_answer/responses.jsonl",
    bundle: "do_not_answer/responses.jsonl.gz",
    what: "six models' answers to Do-Not-Answer with human labels",
    role: "judge-validation",
    mayTrain: "none",
    promptColumns: ["prompt"],
    ...DO_NOT_ANSWER,
  },
  {
    name: "jailbreakbench-responses",
    from: "jailbreakbench/responses.jsonl",
    bundle: "jailbreakbench/responses.jsonl.gz",
    what: "four models' answers to JailbreakBench, labelled by the benchmark's LLM judge (not by people)",
    upstream: "github.com/JailbreakBench/artifacts",
    licence: "MIT",
    isNonCommercial: false,
    role: "judge-validation",
    mayTrain: "none",
    promptColumns: ["goal"],
  },
  {
    name: "alpaca_eval",
    from: "alpaca_eval/prompts.jsonl",
    bundle: "alpaca_eval/prompts.jsonl.gz",
    what: "AlpacaEval prompts with reference answers",
    ...evaluation(),
    promptColumns: ["instruction"],
    ...ALPACA_EVAL,
  },
  alpacaEvalAnswers("gpt4_1106_preview", "the stronger side, baseline of AlpacaEval 2"),
  alpacaEvalAnswers("llama-2-7b-chat-hf", "between the other two"),
  alpacaEvalAnswers("alpaca-7b", "the weaker side"),
  own("benign_alarming", "harmless prompts with alarming words, each with a short helpful answer"),
  own(
    "benign_groups",
    "harmless prompts about groups of people, made-up groups, public and fictional facts, each with a short answer",
  ),
  own(
    "benign_requests",
    "harmless prompts with homonyms, idioms and play, and short creative requests, each with a short answer",
  ),
  authors(
    "alpaca_test",
    "helpfulness test set of the paper: instruction, reference answer",
    "evaluate",
    ALPACA_COLUMNS,
  ),
  authors(
    "dpo_safe_rlhf_eval",
    "preference pairs of the paper, eval split: stands in for its train split",
    "train",
    ["prompt"],
  ),
  authors("dpo_safe_rlhf_test", "preference pairs of the paper, test split", "evaluate", ["prompt"]),
  authors("sft_safe_rlhf_train", "SFT examples of the paper, train split", "train", ["prompt"]),
  authors("sft_safe_rlhf_eval", "SFT examples of the paper, eval split (overlaps the train split)", "train", [
    "prompt",
  ]),
  authors("sft_safe_rlhf_test", "SFT examples of the paper, test split", "evaluate", ["prompt"]),
  reference("dpo_llama7b_safety_responses", "the paper's DPO model's answers to the six I-* sets"),
  reference("dpo_llama7b_alpaca_test_responses", "the paper's DPO model's answers to alpaca_test"),
  reference("dpo_llama7b_results", "the paper's published figures for its DPO model"),
  {
    name: "alpaca_train",
    from: "instructions/alpaca_train.jsonl",
    what: "17,048 Alpaca instructions with answers; 698 rows are marked safety_related",
    upstream: "github.com/gpt4life/alpagasus, github.com/tianyi-lab/Cherry_LLM",
    licence: "repositories state none; Stanford Alpaca data CC-BY-NC-4.0",
    isNonCommercial: true,
    role: "train",
    mayTrain: "policy",
    promptColumns: ALPACA_COLUMNS,
  },
  choice("arc_easy", "ARC-Easy test: grade-school science questions", CHOICE),
  choice("arc_challenge", "ARC-Challenge test: the harder part of ARC", CHOICE),
  choice("openbookqa", "OpenBookQA test: elementary science", CHOICE),
  choice("piqa", "PIQA: physical common sense, two solutions", CHOICE),
  choice("boolq", "BoolQ validation: yes/no questions with passages (passages MIT)", CHOICE),
  choice("mmlu_test_100", "MMLU test: 100 questions in each of 57 subjects", MMLU),
  choice("mmlu_dev", "MMLU dev: five worked examples a subject", MMLU),
  choice("truthfulqa_mc1", "TruthfulQA MC1: one true answer among several", {
    upstream: "github.com/koppula/TruthfulQA (a fork of sylinrl/TruthfulQA)",
    licence: "Apache-2.0",
    isNonCommercial: false,
  }),
  {
    name: "jailbreakbench",
    from: "jailbreakbench/behaviors.jsonl",
    bundle: "jailbreakbench/behaviors.jsonl.gz",
    what: "JailbreakBench: 100 harmful behaviours",
    upstream: "github.com/andyrdt/refusal_direction (a copy of JailbreakBench/jailbreakbench)",
    licence: "Apache-2.0 (repository); JailbreakBench is MIT",
    isNonCommercial: false,
    ...evaluation(),
  },
  {
    name: "beavertails",
    from: "beavertails/evaluation_prompts.jsonl",
    bundle: "beavertails/evaluation_prompts.jsonl.gz",
    what: "BeaverTails-Evaluation: 50 harmful prompts in each of 14 categories",
    upstream: "github.com/PKU-Alignment/align-anything",
    licence: "Apache-2.0 (repository)",
    isNonCommercial: false,
    ...evaluation(),
  },
];
