/**
 * @file The day that chat templates see as today: always the same, so that a prompt, its cached log-probabilities and its
 * paired comparison are the same every day. It is the date that Llama 3's templates fall back on. See docs/decisions/0135.
 */

/** The day, at midnight; part of the hash of every template that asks for it. */
export const TEMPLATE_DATE = "2024-07-26";

/** Python's directives for that day in the C locale, those made of others left out. */
const DIRECTIVES: Readonly<Record<string, string>> = {
  "%a": "Fri",
  "%A": "Friday",
  "%b": "Jul",
  "%B": "July",
  "%C": "20",
  "%d": "26",
  "%e": "26",
  "%f": "000000",
  "%G": "2024",
  "%h": "Jul",
  "%H": "00",
  "%I": "12",
  "%j": "208",
  "%m": "07",
  "%M": "00",
  "%n": "\n",
  "%p": "AM",
  "%S": "00",
  "%t": "\t",
  "%u": "5",
  "%U": "29",
  "%V": "30",
  "%w": "5",
  "%W": "30",
  "%y": "24",
  "%Y": "2024",
  "%%": "%",
};

/** Directives that stand for others. */
const COMPOSED: Readonly<Record<string, string>> = {
  "%c": "%a %b %d %H:%M:%S %Y",
  "%D": "%m/%d/%y",
  "%F": "%Y-%m-%d",
  "%r": "%I:%M:%S %p",
  "%R": "%H:%M",
  "%T": "%H:%M:%S",
  "%x": "%m/%d/%y",
  "%X": "%H:%M:%S",
};

/** `datetime.strftime` of that day; a directive that is none stays as it is, `%-d` is `%d` without zeros before it. */
export function templateDate(format: string): string {
  return format.replace(/%(-?)([A-Za-z%])/g, (written, minus: string, letter: string) => {
    const composed = COMPOSED[`%${letter}`];
    const text = composed === undefined ? DIRECTIVES[`%${letter}`] : templateDate(composed);
    return minus === "" ? (text ?? written) : (text?.replace(/^0(?=\d)/, "") ?? written);
  });
}
