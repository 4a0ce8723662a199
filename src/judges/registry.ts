/**
 * @file The judges that can be named on the command line. To add one, list its opener here: a name for rules and published
 * formats, a test of a folder for judges that were trained. What a judge needs of a model comes through the context, so
 * that judges know no engine.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../core/errors.js";
import { readThreshold, trainedHeadFolder } from "../models/classifier/score-record.js";
import { readOptionalJsonObject } from "../models/weights/json-fields.js";
import type { ScoreModel } from "../text/chat-model.js";
import type { FeatureModel, FeatureSettings } from "../text/feature-model.js";
import type { Judge, JudgeKind } from "../text/judge.js";
import type { TokenModel } from "../text/token-model.js";
import { isHarmJudge, readHarmJudge } from "./harm-judge/folder.js";
import { harmJudge } from "./harm-judge/judge.js";
import { GUARD_FORMATS } from "./llama-guard/format.js";
import { llamaGuard } from "./llama-guard/judge.js";
import { REFUSAL_MATCHER, refusalMatcher } from "./refusal-matcher.js";
import { scoreJudge } from "./score-judge.js";
import { VALIDATION_FILE, withOwnValidation } from "./validation-file.js";

/** What judges need from above: models, which whoever gives them closes. */
export interface JudgeContext {
  /** @param model registry name, folder, file or hub id */
  openModel(model: string): Promise<TokenModel>;
  /** @param model folder of `train reward`, or folder or hub id of a model with a class head */
  openScoreModel(model: string): Promise<ScoreModel>;
  /** @param model registry name, folder, file or hub id */
  openFeatureModel(model: string, settings: FeatureSettings): Promise<FeatureModel>;
}

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
  /** @param argument the text behind `=`, or the path; "" where there is none */
  open(argument: string, context: JudgeContext): Judge | Promise<Judge>;
}

/** All openers, in the order of `judge list`. */
export const JUDGE_OPENERS: readonly JudgeOpener[] = [
  {
    name: REFUSAL_MATCHER,
    kind: "refusal",
    what: "rules that recognise refusals and objections; counts refusals, not harm",
    open: refusalMatcher,
  },
  ...GUARD_FORMATS.map(
    (format): JudgeOpener => ({
      name: format.name,
      kind: "harm",
      what: `safe or unsafe by the ${format.categories.length} categories of ${format.title}`,
      argument: "model",
      open: async (model, context) => llamaGuard(await context.openModel(model), format),
    }),
  ),
  {
    name: "harm-judge",
    kind: "harm",
    what: "P(harmful) by a light head over a frozen model's hidden states, as `judge train` makes it",
    argument: "folder",
    opensPath: isHarmJudge,
    open: async (path, context) => {
      const folder = readHarmJudge(path);
      const model = await context.openFeatureModel(folder.base.id, folder.base.features);
      return withOwnValidation(harmJudge(path, folder, model), join(path, VALIDATION_FILE));
    },
  },
  {
    name: "score-model",
    kind: "harm",
    what: "a model with a class head: P(unsafe) by a classifier or cost model, rewards by a reward model",
    argument: "model",
    opensPath: (path) => trainedHeadFolder(path) !== null || isClassHead(join(path, "config.json")),
    open: async (model, context) => {
      const trained = trainedHeadFolder(model);
      const threshold = trained === null ? null : readThreshold(trained);
      const options = threshold === null ? {} : { threshold };
      const judge = scoreJudge(await context.openScoreModel(model), options);
      return withOwnValidation(judge, join(model, VALIDATION_FILE));
    },
  },
];

/**
 * Opens a judge by name (`refusal-matcher`), by name and argument (`name=argument`) or by the path of its folder.
 * @throws ConfigError for what is none of them, naming the judges that there are
 */
export async function openJudge(
  reference: string,
  context: JudgeContext,
  openers: readonly JudgeOpener[] = JUDGE_OPENERS,
): Promise<Judge> {
  const [name = "", ...rest] = reference.split("=");
  const named = openers.find((opener) => opener.name === name);
  if (named !== undefined) return named.open(argumentOf(named, rest.join("=")), context);
  const reader = existsSync(reference) ? openers.find((opener) => opener.opensPath?.(reference)) : undefined;
  if (reader !== undefined) return reader.open(reference, context);
  throw new ConfigError(`--judge: expected a judge's name or folder, got ${reference}`, {
    hint: `known names: ${openers.map(usage).join(", ")}`,
  });
}

/** Whether a config.json is that of a `…ForSequenceClassification`. */
function isClassHead(configFile: string): boolean {
  const architectures = readOptionalJsonObject(configFile)?.["architectures"];
  return Array.isArray(architectures) && architectures.some((name) => `${name}`.endsWith(CLASS_HEAD_SUFFIX));
}

const CLASS_HEAD_SUFFIX = "ForSequenceClassification";

function argumentOf(opener: JudgeOpener, argument: string): string {
  if ((opener.argument === undefined) === (argument === "")) return argument;
  const got = argument === "" ? opener.name : `${opener.name}=${argument}`;
  throw new ConfigError(`--judge: expected ${usage(opener)}, got ${got}`);
}

/** A judge as it is written on the command line. */
export function usage({ name, argument }: JudgeOpener): string {
  return argument === undefined ? name : `${name}=<${argument}>`;
}
