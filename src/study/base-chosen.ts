/**
 * @file Preference pairs whose harmless prompts are answered by the base: `chosen` is what it would say anyway, so that
 * preference optimization moves the decision to answer and not the style of answers.
 */
import type { BuiltPair } from "../data/pairs.js";
import { withOwnAnswers } from "./own-answers.js";
import type { Workbench } from "./workbench.js";

/**
 * The pairs in their order, `chosen` of the harmless ones answered by the base; those that it refuses are left out.
 * @param journal  path of the journal of the base's answers
 */
export async function withBaseChosen(
  bench: Workbench,
  pairs: readonly BuiltPair[],
  journal: string,
): Promise<BuiltPair[]> {
  const { maxNewTokens } = bench.recipe.dpo.pairs;
  const harmless = pairs.filter(({ kind }) => kind === "harmless");
  const rows = harmless.map(({ id, prompt, chosen }) => ({
    id,
    prompt,
    completion: chosen,
    maxCompletionLength: maxNewTokens,
  }));
  const answered = await withOwnAnswers(bench, rows, () => journal);
  const chosen = new Map(answered.map(({ id, completion }) => [id, completion]));
  return pairs.flatMap((pair) => {
    if (pair.kind !== "harmless") return [pair];
    const own = chosen.get(pair.id);
    return own === undefined ? [] : [{ ...pair, chosen: own }];
  });
}
