import fc from "fast-check";
import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import { html, visibleControls } from "./html.js";

const HOSTILE = [
  `</div></details><script>alert(1)</script>`,
  `"><img src=x onerror=alert(1)>`,
  `' onmouseover='alert(1)`,
  `<!-- --><![CDATA[ ]]> <style>*{display:none}</style>`,
  `&lt;b&gt; &#60;script&#62; &amp;amp;`,
  "javascript:alert(1) {{alert(1)}} `x`",
];

test.each(HOSTILE)("text stays text: %s", (text) => {
  const { document } = parseHTML(html`<body><p title="${text}">${text}</p></body>`.markup);
  const paragraph = document.querySelector("p");
  expect(paragraph?.textContent).toBe(text);
  expect(paragraph?.getAttribute("title")).toBe(text);
  expect(paragraph?.attributes.length).toBe(1);
  expect(document.querySelectorAll("*")).toHaveLength(document.querySelector("body") === paragraph ? 1 : 2);
});

test("no text at all can open a tag, an entity or an attribute", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(html`${text}`.markup.replace(/&(amp|lt|gt|quot|#39);/g, "")).not.toMatch(/[<>&"']/);
    }),
  );
});

test("markup made by html goes in as markup, once", () => {
  const bold = html`<b>${"<"}</b>`;
  expect(html`<i>${bold}${[bold, "&", 3, null, undefined, false]}</i>`.markup).toBe(
    "<i><b>&lt;</b><b>&lt;</b>&amp;3</i>",
  );
});

test("control characters, bidirectional overrides and lone surrogates become visible", () => {
  expect(visibleControls("a\u0000b\u001b[31mc\u007f")).toBe("a\u2400b\u241b[31mc\u2421");
  expect(visibleControls("\u202egpj.exe\u202c \u2066x\u2069")).toBe(
    "\u27e8U+202E\u27e9gpj.exe\u27e8U+202C\u27e9 \u27e8U+2066\u27e9x\u27e8U+2069\u27e9",
  );
  expect(visibleControls("x\u2028y\u2029z\ufeff")).toBe(
    "x\u27e8U+2028\u27e9y\u27e8U+2029\u27e9z\u27e8U+FEFF\u27e9",
  );
  expect(visibleControls("\ud800 \ud83d\ude00 \udc00")).toBe("\ufffd \ud83d\ude00 \ufffd");
  expect(visibleControls("tab\tline\r\nline\rline")).toBe("tab\tline\nline\nline");
  expect(visibleControls("Straße 東京 سلام 👩‍👧")).toBe("Straße 東京 سلام 👩‍👧");
});
