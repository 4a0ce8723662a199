/** @file An answer cut for a class head, which reads the end of a text: words are lost, never the end of turn. */
import type { EncodedExample } from "./encode.js";

/**
 * The first of an answer's ids and, from its end of turn on, the last of them, at most `room` together.
 * @returns the ids whole where they fit; null when the end of turn leaves no room for a word
 */
export function cutBeforeEndOfTurn(
  { completionIds, endOfTurnIndex }: Pick<EncodedExample, "completionIds" | "endOfTurnIndex">,
  room: number,
): readonly number[] | null {
  if (completionIds.length <= room) return completionIds;
  const end = completionIds.slice(endOfTurnIndex);
  const words = room - end.length;
  return words > 0 ? [...completionIds.slice(0, words), ...end] : null;
}
