/** @file Texts of messages: one line each, whatever a file's names hold. */

/** What a message may hold of names and texts from a file. */
const MAX_MESSAGE_CHARACTERS = 2000;

/** A text as one line that nothing in it breaks, and without characters that steer a terminal. */
export function oneLine(text: string): string {
  const line = text.slice(0, MAX_MESSAGE_CHARACTERS).replace(/\s*[\p{Cc}\u2028\u2029]+\s*/gu, " ");
  return text.length > MAX_MESSAGE_CHARACTERS ? `${line}…` : line.trim();
}
