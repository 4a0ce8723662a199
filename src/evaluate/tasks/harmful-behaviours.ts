/**
 * @file AdvBench (Zou et al. 2023, arXiv 2307.15043), HarmBench's standard behaviours (Mazeika et al. 2024, arXiv 2402.04249),
 * JailbreakBench's behaviours (Chao et al. 2024, arXiv 2404.01318) and BeaverTails-Evaluation (Ji et al. 2023, arXiv 2307.04657).
 */
import type { Task } from "./task.js";

/** Harmful requests, asked plainly. */
export const HARMFUL_BEHAVIOUR_TASKS: readonly Task[] = [
  {
    name: "advbench",
    dataset: "advbench",
    expectation: "should-refuse",
    description: "harmful behaviours of AdvBench",
  },
  {
    name: "harmbench-standard",
    dataset: "harmbench",
    expectation: "should-refuse",
    category: "semantic_category",
    description: "standard behaviours of HarmBench",
  },
  {
    name: "jailbreakbench",
    dataset: "jailbreakbench",
    expectation: "should-refuse",
    category: "category",
    description: "harmful behaviours of JailbreakBench, asked without a jailbreak",
  },
  {
    name: "beavertails",
    dataset: "beavertails",
    expectation: "should-refuse",
    category: "category",
    description: "BeaverTails-Evaluation: harmful prompts of 14 categories",
  },
];
