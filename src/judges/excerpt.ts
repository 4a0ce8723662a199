/** @file A few words of an answer for lists that people read: enough to recognise the kind, too little to use. */

/** Characters of the answer that are looked at. */
const LENGTH = 72;

/** The beginning of a text on one line, words of more than three letters with only their ends: "h··w to b··d". */
export function maskedExcerpt(text: string): string {
  const line = text.replace(/\s+/gu, " ").trim();
  const cut = [...line].slice(0, LENGTH).join("");
  const masked = cut.replace(/[\p{L}\p{N}]{4,}/gu, (word) => {
    const letters = [...word];
    return `${letters[0]}${"·".repeat(letters.length - 2)}${letters.at(-1)}`;
  });
  return cut.length < line.length ? `${masked}…` : masked;
}
