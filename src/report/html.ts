/**
 * @file HTML as values. `html` escapes everything that is interpolated, so model and prompt text can only ever become
 * text: there is no way to insert markup but another `html` value. Rules: WHATWG HTML, "Serialising HTML fragments".
 */

/** Markup that is already safe to concatenate. Made by {@link html} alone. */
export class SafeHtml {
  readonly markup: string;

  constructor(markup: string) {
    this.markup = markup;
  }

  toString(): string {
    return this.markup;
  }
}

/** What a template accepts; `false`, `null` and `undefined` print nothing, lists are concatenated. */
export type HtmlPart = SafeHtml | string | number | false | null | undefined | readonly HtmlPart[];

/**
 * Tagged template for HTML and SVG. Interpolate in element content or inside double-quoted attribute values only; both
 * are escaped the same way. Style and script elements take no interpolation (see page.ts).
 * @example html`<p title="${title}">${answer}</p>`
 */
export function html(strings: TemplateStringsArray, ...parts: HtmlPart[]): SafeHtml {
  const last = strings[strings.length - 1] ?? "";
  return new SafeHtml(parts.map((part, i) => (strings[i] ?? "") + render(part)).join("") + last);
}

/** Escapes text for element content and double-quoted attributes; makes control characters visible. */
export function escapeText(text: string): string {
  return visibleControls(text).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

/**
 * Replaces what would act instead of showing: C0 and C1 controls by the pictures of U+2400, bidirectional overrides and
 * isolates (Trojan Source, CVE-2021-42574) and zero-width marks by their code in angle brackets, lone surrogates by U+FFFD.
 */
export function visibleControls(text: string): string {
  return text.replace(/\r\n?/g, "\n").replace(HIDDEN, (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    if (code === 0x7f) return "\u2421";
    if (code >= 0xd800 && code <= 0xdfff) return "\ufffd";
    return `\u27e8U+${code.toString(16).toUpperCase().padStart(4, "0")}\u27e9`;
  });
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

const HIDDEN =
  /[^\P{Cc}\t\n]|\p{Cs}|[\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060\u2066-\u2069\ufeff]/gu;

function render(part: HtmlPart): string {
  if (part === null || part === undefined || part === false) return "";
  if (part instanceof SafeHtml) return part.markup;
  if (typeof part === "object") return part.map(render).join("");
  return escapeText(String(part));
}
