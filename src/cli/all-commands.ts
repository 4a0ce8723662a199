/** @file Every command of the program, in the order of its help. */
import type { Command } from "commander";
import { chatCommand } from "./commands/chat.js";
import { compareCommand } from "./commands/compare.js";
import { dataCommand } from "./commands/data.js";
import { demoCommand } from "./commands/demo.js";
import { evaluateCommand } from "./commands/evaluate.js";
import { generateCommand } from "./commands/generate.js";
import { judgeCommand } from "./commands/judge.js";
import { modelsCommand } from "./commands/models.js";
import { scoreCommand } from "./commands/score.js";
import { tokenizeCommand } from "./commands/tokenize.js";
import { trainCommand } from "./commands/train.js";

/** The commands, made anew: a command keeps what it parsed. */
export function allCommands(): Command[] {
  return [
    demoCommand(),
    modelsCommand(),
    dataCommand(),
    tokenizeCommand(),
    trainCommand(),
    evaluateCommand(),
    compareCommand(),
    judgeCommand(),
    generateCommand(),
    chatCommand(),
    scoreCommand(),
  ];
}
