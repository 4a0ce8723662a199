/**
 * @file The judges that can be named on the command line. To add one, list its opener here: a name for rules and published
 * formats, a test of a folder for judges that were trained. What a judge needs of a model comes through the context, so
 * that judges know no engine.
 */
import { existsSync } from "node:fs";
import { ConfigError } from "../core/errors.js";
import type { Judge, JudgeKind } from "../text/judge.js";
import { REFUSAL_MATCHER, refusalMatcher } from "./refusal-matcher.js";

/** A kind of judge, and how it is opened. */
export interface JudgeOpener {
  /** Name on the command line. */
  readonly name: string;
  readonly kind: JudgeKind;
  /** One line for `judge list`. */
  readonly what: string;
  /** What stands behind the name and `=`; absent where nothing does. */
  readonly argument?: string;
  /** True for a folder or file that this opener reads; absent where judges are only named. */
  opensPath?(path: string): boolean;
  /** @param argument the text behind `=`, or the path */
  open(argument: string | undefined): Judge | Promise<Judge>;
}

/** All openers, in the order of `judge list`. */
export const JUDGE_OPENERS: readonly JudgeOpener[] = [
  {
    name: REFUSAL_MATCHER,
    kind: "refusal",
    what: "rules that recognise refusals and objections; counts refusals, not harm",
    open: refusalMatcher,
  },
];

/**
 * Opens a judge by name (`refusal-matcher`), by name and argument (`name=argument`) or by the path of its folder.
 * @throws ConfigError for what is none of them, naming the judges that there are
 */
export async function openJudge(
  reference: string,
  openers: readonly JudgeOpener[] = JUDGE_OPENERS,
): Promise<Judge> {
  const [name = "", ...rest] = reference.split("=");
  const named = openers.find((opener) => opener.name === name);
  if (named !== undefined)
    return named.open(argumentOf(named, rest.length === 0 ? undefined : rest.join("=")));
  const reader = existsSync(reference) ? openers.find((opener) => opener.opensPath?.(reference)) : undefined;
  if (reader !== undefined) return reader.open(reference);
  throw new ConfigError(`--judge: expected a judge's name or folder, got ${reference}`, {
    hint: `known names: ${openers.map(usage).join(", ")}`,
  });
}

function argumentOf(opener: JudgeOpener, argument: string | undefined): string | undefined {
  const isAsked = opener.argument !== undefined;
  if (isAsked === (argument !== undefined && argument !== "")) return argument;
  throw new ConfigError(
    `--judge: expected ${usage(opener)}, got ${opener.name}${isAsked ? "" : `=${argument}`}`,
  );
}

/** A judge as it is written on the command line. */
export function usage({ name, argument }: JudgeOpener): string {
  return argument === undefined ? name : `${name}=<${argument}>`;
}
