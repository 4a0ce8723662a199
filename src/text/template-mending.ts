/**
 * @file Two places where @huggingface/jinja 0.5.11 departs from Jinja2 in templates of Qwen3 and Mistral, mended in the
 * parsed template: `text.strip(characters)` (the argument is ignored there, so that all white space goes), and
 * `selectattr(name, "undefined")` (nothing is selected there, so that a check over the selection never refuses).
 */

/** Name of the global that stands in for `strip`, `lstrip` and `rstrip` with an argument; no template can write it. */
export const STRIP_FUNCTION = "strip characters";

/** Python's `text.strip(characters)`, and `lstrip` and `rstrip`: a set of characters taken from the ends. */
export function stripCharacters(text: unknown, method: string, characters: unknown): string {
  const [value, set] = [String(text), new Set(String(characters))];
  let [start, end] = [0, value.length];
  for (let first = ""; method !== "rstrip" && start < end; start += first.length) {
    first = String.fromCodePoint(value.codePointAt(start) ?? 0);
    if (!set.has(first)) break;
  }
  for (let last = ""; method !== "lstrip" && start < end; end -= last.length) {
    last = value.slice(/[\uDC00-\uDFFF]/.test(value.charAt(end - 1)) ? end - 2 : end - 1, end);
    if (!set.has(last)) break;
  }
  return value.slice(start, end);
}

/** A node of a parsed template. */
type SyntaxNode = Record<string, unknown>;

/** Rewrites a parsed template in place, and returns it. */
export function mendProgram<T>(program: T): T {
  const waiting: unknown[] = [program];
  while (waiting.length > 0) {
    const value = waiting.pop();
    if (!isNode(value)) continue;
    mendStrip(value);
    mendSelection(value);
    for (const child of Object.values(value)) waiting.push(child);
  }
  return program;
}

/** `text.lstrip(characters)` → `[STRIP_FUNCTION](text, "lstrip", characters)` */
function mendStrip(node: SyntaxNode): void {
  const { type, callee, args } = node;
  if (type !== "CallExpression" || !isNode(callee) || callee["type"] !== "MemberExpression") return;
  const method = isNode(callee["property"]) ? callee["property"]["value"] : undefined;
  if (callee["computed"] !== false || !["strip", "lstrip", "rstrip"].includes(String(method))) return;
  if (!Array.isArray(args) || args.length !== 1) return;
  node["callee"] = { type: "Identifier", value: STRIP_FUNCTION };
  node["args"] = [callee["object"], { type: "StringLiteral", value: method }, ...args];
}

/** `selectattr(name, "undefined")` → `rejectattr(name, "defined")`, and the reverse: the same, and done right there. */
function mendSelection(node: SyntaxNode): void {
  const { type, filter } = node;
  if (type !== "FilterExpression" || !isNode(filter) || !isNode(filter["callee"])) return;
  const name = filter["callee"]["value"];
  const test = Array.isArray(filter["args"]) ? filter["args"][1] : undefined;
  if (!isNode(test) || test["value"] !== "undefined") return;
  if (name !== "selectattr" && name !== "rejectattr") return;
  filter["callee"]["value"] = name === "selectattr" ? "rejectattr" : "selectattr";
  test["value"] = "defined";
}

/** Lists count as nodes, so that a walk goes through them. */
function isNode(value: unknown): value is SyntaxNode {
  return typeof value === "object" && value !== null;
}
