/**
 * @file The frame of a page: one self-contained file that loads nothing. Its content security policy allows the one stylesheet
 * and the one script by their hashes (CSP Level 3, section 6.7), and nothing else.
 */
import { createHash } from "node:crypto";
import { type HtmlPart, html, SafeHtml } from "./html.js";
import { STYLE } from "./style.js";

/** What a page is made of. Script and style are constants of this package: they go in as they are. */
export interface PageParts {
  readonly title: string;
  readonly header: HtmlPart;
  readonly main: HtmlPart;
  readonly footer?: HtmlPart;
  readonly script: string;
  readonly style?: string;
  /** Whether the script may talk to the server that the page came from. */
  readonly isServed?: boolean;
}

/** The whole page. */
export function renderDocument(parts: PageParts): string {
  const { title, header, main, footer = OFFLINE, script, style = STYLE } = parts;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${contentSecurityPolicy(parts)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>${new SafeHtml(style)}</style>
</head>
<body>
<header>
${header}
</header>
<main>
${main}
</main>
<footer><p>${footer}</p></footer>
<script>${new SafeHtml(script)}</script>
</body>
</html>
`.markup;
}

/** The policy of a page: nothing but its own stylesheet and script, each by hash. */
export function contentSecurityPolicy({
  script,
  style = STYLE,
  isServed = false,
}: Pick<PageParts, "script" | "style" | "isServed">): string {
  const connections = isServed ? " connect-src 'self';" : "";
  return `default-src 'none'; style-src '${sourceHash(style)}'; script-src '${sourceHash(script)}';${connections} base-uri 'none'; form-action 'none'`;
}

const OFFLINE = "Made offline by safe-to-serve. This file loads nothing and sends nothing.";

function sourceHash(content: string): string {
  return `sha256-${createHash("sha256").update(content).digest("base64")}`;
}
