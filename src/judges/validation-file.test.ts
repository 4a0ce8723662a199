import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ConfigError } from "../core/errors.js";
import { wilson } from "../stats/intervals.js";
import { REFUSAL_MATCHER, REFUSAL_MATCHER_HASH, refusalMatcher } from "./refusal-matcher.js";
import { readValidationFile, withOwnValidation, withValidations } from "./validation-file.js";

const folder = mkdtempSync(join(tmpdir(), "validation-file-"));

const validation = { sensitivity: wilson(8, 10), specificity: wilson(9, 10), n: 20, source: "mine" };
const judge = { name: REFUSAL_MATCHER, kind: "refusal", hash: REFUSAL_MATCHER_HASH };

function file(content: object): string {
  const path = join(folder, "validation.json");
  writeFileSync(path, JSON.stringify(content));
  return path;
}

test("a validation goes to the judge of its hash, in the place of what it had", () => {
  const read = readValidationFile(file({ judge, validation }));
  const other = { ...refusalMatcher(), name: "other", hash: "other" };
  const [matcher, untouched] = withValidations([refusalMatcher(), other], [read]);
  expect(matcher?.validation).toEqual(validation);
  expect(untouched).toBe(other);
  expect(() => withValidations([other], [read])).toThrow(
    /expected a validation of other other, got one of refusal-m/,
  );
});

test("one on labels that are not people's says nothing", () => {
  const read = readValidationFile(file({ judge, validation: null }));
  expect(() => withValidations([refusalMatcher()], [read])).toThrow(/expected people's labels/);
});

test("another file is refused", () => {
  const share = { ...validation.sensitivity, value: 2 };
  const others = [
    {},
    { judge },
    { judge: { name: "x" }, validation },
    { judge, validation: { ...validation, sensitivity: share } },
  ];
  for (const content of others) expect(() => readValidationFile(file(content))).toThrow(ConfigError);
});

test("beside a judge only that of the judge as it is now counts", () => {
  const path = file({ judge, validation });
  const changed = { ...refusalMatcher(), hash: "retrained" };
  expect(withOwnValidation(refusalMatcher(), path).validation).toEqual(validation);
  expect(withOwnValidation(changed, path)).toBe(changed);
  expect(withOwnValidation(changed, join(folder, "none.json"))).toBe(changed);
});
