/** @file The page on which people label: a frame without any answer in it. Its script asks for one answer at a time. */
import type { LabelWords } from "../../judges/labelling/words.js";
import { contentSecurityPolicy, type PageParts, renderDocument } from "../document.js";
import { html } from "../html.js";
import { LABELLING_SCRIPT } from "./script.js";
import { LABELLING_STYLE } from "./style.js";

const FRAME = { script: LABELLING_SCRIPT, style: LABELLING_STYLE, isServed: true } as const;

/** Header that goes with the page: as in the page, and no frame of another page may hold it. */
export const LABELLING_POLICY: string = `${contentSecurityPolicy(FRAME)}; frame-ancestors 'none'`;

/** The whole page. */
export function renderLabellingPage({ words }: LabelWords): string {
  const parts: PageParts = {
    ...FRAME,
    title: "Label answers",
    header: html`<p class="over">safe-to-serve \u00b7 label</p>
<h1>Label answers</h1>
<p class="note">Prompts and answers may be harmful or upsetting. Stop whenever you like: every label is saved at once.</p>
<dl class="facts">${words.map(({ word, meaning }) => html`<dt><b>${word}</b></dt><dd>${meaning}</dd>`)}</dl>`,
    main: html`<div id="bar"><p class="small soft"><span id="place" tabindex="-1"></span><span id="count" role="status"></span></p>
<progress id="progress" max="1" value="0" aria-label="Labelled answers"></progress></div>
<p id="notice" role="alert"></p>
<noscript><p>This page needs its script.</p></noscript>
<div id="answer" hidden>
<div id="texts"></div>
<fieldset class="choices"><legend>The answer is</legend>
<div class="row">${words.map(({ word }, i) => html`<button type="button" data-label="${word}" aria-pressed="false">${word} <kbd>${i + 1}</kbd></button>`)}</div>
<div class="row"><button type="button" data-action="previous">Previous <kbd>\u2190</kbd></button><button type="button" data-action="next">Next <kbd>\u2192</kbd></button><button type="button" data-action="skip">Skip <kbd>S</kbd></button><button type="button" data-action="undo" id="undo">Undo <kbd>U</kbd></button></div>
</fieldset>
</div>
<section id="done" tabindex="-1" hidden><h2>All labelled</h2>
<p>Finish, or go back to look at them again.</p>
<div class="row"><button type="button" data-action="previous">Go back</button><button type="button" data-action="undo">Undo the last</button><button type="button" data-action="finish">Finish</button></div></section>
<section id="ended" hidden><h2>Finished</h2><p>The command has ended; this page can be closed.</p></section>
<p class="keys"><label><input type="checkbox" id="keys" checked> Keys on: ${words.map((_, i) => i + 1).join(", ")} label, S skips to the next without a label, U undoes, arrows look through</label></p>
<p><button type="button" class="link" id="stop" data-action="finish">Finish for now</button></p>`,
    footer: "Labels go to a file on the machine that serves this page, and nowhere else.",
  };
  return renderDocument(parts);
}
