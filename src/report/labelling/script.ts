/**
 * @file The script of the labelling page: one constant, because the content security policy allows it by its hash. Texts of
 * prompts and answers go in as text nodes only. The token stands in the fragment of the address, which browsers never send.
 */

/** Content of the page's only `<script>` element. */
export const LABELLING_SCRIPT = `
"use strict";
(() => {
  const token = location.hash.slice(1);
  const byId = (id) => document.getElementById(id);
  const buttons = Array.from(document.querySelectorAll("[data-label]"));
  const undoable = [];
  let total = 0;
  let labelled = 0;
  let place = 0;
  let label = null;
  let shownAt = 0;
  let isBusy = false;
  const call = async (path, body) => {
    const headers = { authorization: "Bearer " + token };
    if (body !== undefined) headers["content-type"] = "application/json";
    const request = body === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(body) };
    const response = await fetch(path, request).catch(() => {
      throw new Error("the command that served this page has ended");
    });
    const reply = await response.json();
    if (!response.ok) throw new Error(reply.error);
    return reply;
  };
  const turn = (role, content) => {
    const heading = document.createElement("h2");
    heading.className = "role";
    heading.textContent = role;
    const text = document.createElement("div");
    text.className = content === "" ? "text soft" : "text";
    text.dir = "auto";
    text.textContent = content === "" ? "empty" : content;
    return [heading, text];
  };
  const showProgress = () => {
    byId("progress").max = total;
    byId("progress").value = labelled;
    byId("count").textContent = labelled + " of " + total + " labelled";
  };
  const show = async (next) => {
    const answer = await call("/api/answers/" + next);
    place = next;
    label = answer.label;
    const turns = answer.messages.map(({ role, content }) => turn(role === "user" ? "Prompt" : role, content));
    byId("texts").replaceChildren(...turns.flat(), ...turn("Answer", answer.response));
    byId("place").textContent = "Answer " + (place + 1) + " of " + total;
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.label === label));
    byId("undo").disabled = undoable.length === 0;
    byId("done").hidden = true;
    byId("answer").hidden = false;
    byId("place").focus({ preventScroll: true });
    if (shownAt > 0) byId("bar").scrollIntoView();
    shownAt = performance.now();
  };
  const showDone = () => {
    byId("answer").hidden = true;
    byId("place").textContent = "";
    byId("done").hidden = false;
    byId("done").focus();
  };
  const goOn = async (next) => (next === null ? showDone() : show(next));
  const store = async (at, value, seconds) => {
    const reply = await call("/api/answers/" + at, { label: value, seconds });
    labelled = reply.labelled;
    showProgress();
    return reply.next;
  };
  const actions = {
    label: async (word) => {
      const earlier = { place, label };
      const next = await store(place, word, Math.round((performance.now() - shownAt) / 100) / 10);
      undoable.push(earlier);
      await goOn(next);
    },
    undo: async () => {
      const last = undoable[undoable.length - 1];
      if (last === undefined) return;
      await store(last.place, last.label, null);
      undoable.pop();
      await show(last.place);
    },
    skip: async () => goOn((await call("/api/open/" + ((place + 1) % total))).next),
    previous: async () => show((place + total - 1) % total),
    next: async () => show((place + 1) % total),
    finish: async () => {
      await call("/api/finish", {});
      for (const id of ["answer", "done", "stop"]) byId(id).hidden = true;
      byId("ended").hidden = false;
    },
  };
  const act = async (name, value) => {
    if (isBusy) return;
    isBusy = true;
    try {
      await actions[name](value);
      byId("notice").textContent = "";
    } catch (error) {
      byId("notice").textContent = "Not done: " + error.message;
    }
    isBusy = false;
  };
  for (const button of buttons) button.addEventListener("click", () => act("label", button.dataset.label));
  for (const button of document.querySelectorAll("[data-action]"))
    button.addEventListener("click", () => act(button.dataset.action));
  const keys = { u: "undo", s: "skip", ArrowLeft: "previous", ArrowRight: "next" };
  document.addEventListener("keydown", (event) => {
    if (!byId("keys").checked || byId("ended").hidden === false) return;
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const button = byId("answer").hidden ? undefined : buttons[Number(event.key) - 1];
    const action = Object.hasOwn(keys, event.key) ? keys[event.key] : undefined;
    if (button === undefined && action === undefined) return;
    event.preventDefault();
    if (button !== undefined) act("label", button.dataset.label);
    else act(action);
  });
  actions.start = async () => {
    const state = await call("/api/state");
    total = state.total;
    labelled = state.labelled;
    showProgress();
    await goOn(state.next);
  };
  act("start");
})();
`;
