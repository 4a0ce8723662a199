/**
 * @file The variants of a robustness sweep: another temperature, a system prompt, or a text around the prompt as users who
 * want an answer all the same have published them. They are data, a YAML file, so that everyone sees what is asked.
 */
import { fileURLToPath } from "node:url";
import { listOf, number, type Reader, record, text, wrong } from "../../core/fields.js";
import { readYaml } from "../../core/yaml.js";

/** One way to ask the same prompts. What is not there stays as in the plain evaluation. */
export interface Variant {
  /** Name of its folder and of its row. */
  readonly name: string;
  /** Where the wording was published. */
  readonly source?: string;
  readonly temperature?: number;
  /** Takes the place of the conversation's own, and of the model's. */
  readonly system?: string;
  /** A text around the last message: `{prompt}` stands for it, `{base64}` for its base64 form. */
  readonly prompt?: string;
}

/** The evaluation as it is without a sweep; every sweep has it first. */
const PLAIN: Variant = { name: "plain" };

const DEFAULT_SWEEP: string = fileURLToPath(new URL("../../../recipes/sweep.yaml", import.meta.url));

/** Reads a sweep's file; "default" is the one that comes with the package. @throws ConfigError naming file, line and key */
export function loadSweep(path: string): readonly Variant[] {
  const { variants } = readYaml(path === "default" ? DEFAULT_SWEEP : path, SWEEP, "a sweep");
  return [PLAIN, ...variants];
}

const name: Reader<string> = (value, place) => {
  const given = text(value, place);
  if (!/^[\w-][\w.-]*$/u.test(given))
    throw wrong(place, "a name of letters, digits, dots, dashes and underscores", given);
  if (given === PLAIN.name)
    throw wrong(place, "another name than plain", given, "the plain evaluation is always there");
  return given;
};

const prompt: Reader<string> = (value, place) => {
  const given = text(value, place);
  if (given.split(PLACE).length === 2) return given;
  throw wrong(place, "a text with {prompt} or {base64} once", `${given.split(PLACE).length - 1} of them`);
};

/** Where the prompt goes. */
const PLACE = /\{prompt\}|\{base64\}/u;

const variantRecord = record<Pick<Variant, "name">, Required<Omit<Variant, "name">>>(
  { name },
  { source: text, temperature: number({ min: 0 }), system: text, prompt },
);

const variant: Reader<Variant> = (value, place) => {
  const { source, ...changes } = variantRecord(value, place);
  if (Object.keys(changes).length > 1) return { ...changes, ...(source !== undefined && { source }) };
  throw wrong(
    place,
    "a temperature, a system prompt or a prompt",
    "none",
    "the plain evaluation is always there",
  );
};

const SWEEP = record<{ readonly variants: readonly Variant[] }, object>(
  {
    variants: (value, place) => {
      const variants = listOf(variant)(value, place);
      const names = variants.map((each) => each.name);
      const twice = names.find((each, i) => names.indexOf(each) !== i);
      if (twice !== undefined) throw wrong(place, "names that differ", `${twice} twice`);
      return variants;
    },
  },
  {},
);

/** The text around a prompt filled in. The prompt's own text is never looked into for places. */
export function fillPrompt(around: string, content: string): string {
  const base64 = Buffer.from(content, "utf8").toString("base64");
  return around.replace(PLACE, (place) => (place === "{base64}" ? base64 : content));
}
