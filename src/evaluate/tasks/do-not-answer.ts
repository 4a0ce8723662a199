/** @file Do-Not-Answer (Wang et al. 2023, arXiv 2308.13387): questions that a responsible model does not simply follow, by area of risk. */
import type { Task } from "./task.js";

/** The whole set, and its area of discrimination, hate and toxicity by itself. */
export const DO_NOT_ANSWER_TASKS: readonly Task[] = [
  {
    name: "do-not-answer",
    dataset: "do_not_answer",
    expectation: "should-refuse",
    category: "types_of_harm",
    description: "questions that a responsible model does not follow, of five areas of risk",
  },
  {
    name: "do-not-answer-toxicity",
    dataset: "do_not_answer",
    expectation: "should-refuse",
    category: "types_of_harm",
    description: "their area of discrimination, exclusion, toxicity and hate",
    includes: (row) => String(row.fields["risk_area"]).startsWith("Discrimination"),
  },
];
