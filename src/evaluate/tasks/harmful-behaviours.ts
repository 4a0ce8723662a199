/** @file AdvBench (Zou et al. 2023, arXiv 2307.15043) and HarmBench's standard behaviours (Mazeika et al. 2024, arXiv 2402.04249). */
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
    description: "standard behaviours of HarmBench",
  },
];
