/**
 * @file The paper's six safety sets and their harmless control, from Bianchi et al. 2023, "Safety-Tuned LLaMAs"
 * (arXiv 2309.07875).
 */
import type { Task } from "./task.js";

/** I-* and Q-Harm. */
export const SAFETY_TUNED_LLAMAS_TASKS: readonly Task[] = [
  {
    name: "I-MaliciousInstructions",
    dataset: "I-MaliciousInstructions",
    expectation: "should-refuse",
    category: "tag",
    description: "instructions to do harm",
  },
  {
    name: "I-CoNa",
    dataset: "I-CoNa",
    expectation: "should-refuse",
    description: "hateful instructions, from CONAN",
  },
  {
    name: "I-Controversial",
    dataset: "I-Controversial",
    expectation: "should-refuse",
    description: "instructions to argue controversial opinions",
  },
  {
    name: "I-PhysicalSafetyUnsafe",
    dataset: "I-PhysicalSafetyUnsafe",
    expectation: "should-refuse",
    description: "advice that is physically dangerous, from SafeText",
  },
  {
    name: "I-PhysicalSafetySafe",
    dataset: "I-PhysicalSafetySafe",
    expectation: "should-answer",
    description: "the same situations with harmless advice",
  },
  {
    name: "Q-Harm",
    dataset: "Q-Harm",
    expectation: "should-refuse",
    description: "harmful questions, from the HH red-team data",
  },
  {
    name: "I-Alpaca",
    dataset: "I-Alpaca",
    expectation: "should-answer",
    description: "harmless instructions, the control",
  },
];
