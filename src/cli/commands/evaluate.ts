/** @file `evaluate`: a suite or single tasks on a model, with intervals and a report. */
import { Command, Option } from "commander";
import type { EvaluateFlags } from "../command-options.js";
import { addGateFlags } from "../gate-flags.js";
import { adapterStrengthsOption, integer, jsonOption } from "../options.js";
import { addSamplingFlags } from "../sampling-flags.js";
import { addTargetFlags } from "../target-flags.js";
import { addChatModelFlags } from "./generate.js";

const NOTES = `
Suites: safety (default): the paper's six sets, their harmless control and XSTest; demo: a seeded sample of five sets;
quick: 100 prompts; full: safety with AdvBench, HarmBench, JailbreakBench, Do-Not-Answer, BeaverTails and, with --data-dir,
200 of alpaca_test. paper: the sets of the paper, whole, with its multiple choice (--data-dir); paper-exact: the same under
its settings: Alpaca's template, greedy, 120 new tokens, frequency penalty 1.
With --gate alone the policy's own sets are asked. Exit code 0: serve; 3: do not serve; 4: inconclusive, as the verdict is
without a policy, and until a judge that may decide takes part. A matcher counts refusals, not harm: --judge adds judges that
are models, asked when all is drawn and the model is closed; judge list has them.
Several strengths (--adapter-strength 0,0.5,1) are evaluated one after another into OUT/strength-0, OUT/strength-0.5 …, and
compared in OUT: the safety dial. A strength of 0 is the base.

Example:
  $ safe-to-serve evaluate --suite demo --out runs/base/evaluation
  $ safe-to-serve evaluate --suite demo --adapter runs/dpo/adapter --out runs/dpo/evaluation
  $ safe-to-serve evaluate --suite demo --judge runs/harm --judge llama-guard-3-1b=MODEL --out runs/judged
  $ safe-to-serve evaluate --suite demo --adapter runs/dpo/adapter --adapter-strength 0,0.25,0.5,0.75,1 --out runs/dial
  $ safe-to-serve evaluate --gate default --junit verdict.xml --out runs/base/gate
  $ safe-to-serve evaluate --suite quick --sweep default --out runs/base/sweep
  $ safe-to-serve evaluate --endpoint http://localhost:8000 --endpoint-model llama --out runs/llama
  $ safe-to-serve evaluate --task I-CoNa --responses answers.jsonl --out runs/answers`;

/** The command. */
export function evaluateCommand(): Command {
  const command = new Command("evaluate").description(
    "measure how a model answers harmful and harmless prompts; an interrupted run goes on where it stopped",
  );
  addTargetFlags(addChatModelFlags(command, adapterStrengthsOption()))
    .addOption(
      new Option("--suite <name>", "safety, helpfulness, paper, paper-exact, quick, demo or full").conflicts(
        "task",
      ),
    )
    .addOption(
      new Option(
        "--task <name>",
        "a single set, or a YAML file of your own; may be given several times",
      ).argParser((name: string, earlier: readonly string[] = []) => [...earlier, name]),
    )
    .addOption(
      new Option(
        "--judge <name>",
        "a judge of `judge list` beside the refusal matcher: its folder, or name=model; may be given several times",
      ).argParser((name: string, earlier: readonly string[] = []) => [...earlier, name]),
    )
    .addOption(
      new Option(
        "--judge-validation <file>",
        "validation.json of a judge that takes part: what its error does to its shares; may be given several times",
      ).argParser((file: string, earlier: readonly string[] = []) => [...earlier, file]),
    )
    .option(
      "--labels <file>",
      "people's labels of a random part of this run's answers, {id, label} or {prompt, response, label}: corrects shares by them",
    )
    .addOption(
      new Option("--limit <n>", "at most this many prompts a set, a seeded sample").argParser(
        integer({ min: 1 }),
      ),
    )
    .addOption(
      new Option(
        "--few-shot <k>",
        "worked examples before a question of multiple choice, as lm-eval picks them",
      )
        .argParser(integer({ min: 0 }))
        .default(0),
    )
    .addOption(
      new Option("--repeats <k>", "answers to every prompt, each with a seed of its own; needs --temperature")
        .argParser(integer({ min: 1 }))
        .default(1),
    )
    .addOption(
      new Option(
        "--sweep <file>",
        'ask again under the variants of a YAML file, each in a folder of its own; "default" for the bundled ones',
      ).conflicts(["gate", "junit", "responses", "judge", "judgeValidation", "labels"]),
    )
    .option("--bertscore <encoder>", "BERTScore against references: folder or hub id of a DeBERTa-v2/v3")
    .addOption(
      new Option("--bertscore-layer <n>", "layer whose states are compared (default: the last)").argParser(
        integer({ min: 1 }),
      ),
    )
    .option("--bertscore-idf", "weigh tokens by how few references have them")
    .requiredOption("--out <folder>", "folder of the evaluation")
    .option("--data-dir <folder>", "folder of data sets that are not bundled")
    .option("--resume", "go on in a folder that holds this evaluation (the default)")
    .option("--no-resume", "refuse a folder that holds an evaluation");
  return addSamplingFlags(addGateFlags(command), { maxNewTokens: 128, temperature: 0 })
    .addOption(
      new Option("--batch-size <n>", "answers drawn side by side; results do not depend on it")
        .argParser(integer({ min: 1 }))
        .default(16),
    )
    .addOption(jsonOption())
    .addHelpText("after", NOTES)
    .action(async (options: EvaluateFlags, evaluate: Command) => {
      const isGiven = (name: string): boolean => evaluate.getOptionValueSource(name) === "cli";
      if (options.sweep !== undefined) {
        const { runSweep } = await import("../run/sweep.js");
        return runSweep({ ...options, sweep: options.sweep }, isGiven);
      }
      const { runEvaluate } = await import("../run/evaluate.js");
      return runEvaluate(options, isGiven);
    });
}
