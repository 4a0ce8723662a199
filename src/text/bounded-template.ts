/**
 * @file A chat template is a program that comes with a checkpoint, so it runs within bounds: a number of steps, a size of
 * the values it makes, no clock and no locale. Jinja here has no files, no imports and no JavaScript objects to reach for.
 * See docs/decisions/0083.
 */
import { Environment, Interpreter, Template } from "@huggingface/jinja";
import { TokenizerError } from "../core/errors.js";
import { templateDate } from "./template-date.js";
import { mendProgram, STRIP_FUNCTION, stripCharacters } from "./template-mending.js";

/** Characters of a template's text; the longest in use have some ten thousand. */
const MAX_TEMPLATE_CHARACTERS = 1_000_000;
/** Expressions and statements evaluated for one conversation; long values count for more. */
const MAX_STEPS = 100_000;
/** As many again for every message; templates in use need some hundred. */
const MAX_STEPS_A_MESSAGE = 3000;
/** Statements and expressions inside each other, calls of macros included. */
const MAX_DEPTH = 500;
/** Leaving a loop's body early is an exception inside the library, which takes its time. */
const STEPS_OF_A_JUMP = 20;
/** Size of one value in characters, everything inside it counted each time it occurs. */
const MAX_VALUE_SIZE = 4_000_000;
/** What an item of a list or mapping counts for, in characters. */
const ITEM_SIZE = 16;
/** Characters whose handling takes about as long as a step. */
const CHARACTERS_A_STEP = 1000;
/** What a template says of itself goes into one short line. */
const MAX_REASON_CHARACTERS = 200;

/** A value inside the interpreter. */
interface Value {
  readonly type: string;
  readonly value: unknown;
}

/** A statement or an expression; a loop has an `iterable`, and where that has a condition, it has the list in `lhs`. */
interface Statement {
  readonly type: string;
  readonly iterable?: Statement & { readonly lhs?: Statement };
}

/** The part of the library's interpreter that is used here, typed (its own declarations do not resolve under NodeNext). */
interface LibraryInterpreter {
  run(program: Statement): Value;
  evaluate(statement: Statement | undefined, environment: Environment): Value | undefined;
}

const LibraryInterpreter: new (environment: Environment) => LibraryInterpreter = Interpreter;

/** A parsed template. */
export class BoundedTemplate {
  private readonly program: Statement;

  /** @throws Error of the library when the text does not parse; TokenizerError when it is too long */
  constructor(text: string) {
    if (text.length > MAX_TEMPLATE_CHARACTERS)
      throw tooMuch(`a text of at most ${MAX_TEMPLATE_CHARACTERS} characters, got ${text.length}`);
    this.program = mendProgram(new Template(text).parsed);
  }

  /**
   * The text for these variables.
   * @param messageCount what the number of steps is measured by
   * @throws TokenizerError when a bound is passed; Error of the library when the template refuses
   */
  render(variables: Readonly<Record<string, unknown>>, messageCount: number): string {
    const environment = new Environment();
    for (const [name, value] of Object.entries({ ...GLOBALS, ...variables })) environment.set(name, value);
    const maxSteps = MAX_STEPS + MAX_STEPS_A_MESSAGE * messageCount;
    return String(new BoundedInterpreter(environment, maxSteps).run(this.program).value);
  }
}

/** Jinja's own globals, as `@huggingface/jinja` sets them, with bounds and without the clock. */
const GLOBALS: Readonly<Record<string, unknown>> = {
  true: true,
  false: false,
  none: null,
  True: true,
  False: false,
  None: null,
  range: boundedRange,
  [STRIP_FUNCTION]: stripCharacters,
  strftime_now: (format: string) => templateDate(String(format)),
  raise_exception: (message: unknown) => {
    throw templateRefusal(String(message));
  },
};

/** Python's range(). */
function boundedRange(first: number, second?: number, step = 1): number[] {
  const [start, stop] = second === undefined ? [0, first] : [first, second];
  const length = Math.max(0, Math.ceil((stop - start) / step));
  const most = MAX_VALUE_SIZE / ITEM_SIZE;
  // NaN (a step of zero, an argument that is no number) is refused, too.
  if (!(length <= most)) throw tooMuch(`range() of at most ${most} numbers, got ${length}`);
  return Array.from({ length }, (_, i) => start + i * step);
}

/** Counts what is evaluated, and how large its results are. */
class BoundedInterpreter extends LibraryInterpreter {
  private readonly maxSteps: number;
  private steps = 0;
  private depth = 0;
  /** What loops run over: every item is a step, though the body may be empty. */
  private readonly loopedOver = new WeakSet<Statement>();
  private readonly sizes = new WeakMap<Value, number>();

  constructor(environment: Environment, maxSteps: number) {
    super(environment);
    this.maxSteps = maxSteps;
  }

  override evaluate(statement: Statement | undefined, environment: Environment): Value | undefined {
    if (statement === undefined) return super.evaluate(statement, environment);
    this.spend(statement.type === "Break" || statement.type === "Continue" ? STEPS_OF_A_JUMP : 1);
    const { iterable } = statement;
    if (iterable !== undefined) this.loopedOver.add(iterable.lhs ?? iterable);
    const value = this.evaluateDeeper(statement, environment);
    const size = this.sizeOf(value);
    if (size > MAX_VALUE_SIZE) throw tooMuch(`values of at most ${MAX_VALUE_SIZE} characters, got ${size}`);
    this.spend(size / CHARACTERS_A_STEP + (this.loopedOver.has(statement) ? size / ITEM_SIZE : 0));
    return value;
  }

  private evaluateDeeper(statement: Statement, environment: Environment): Value | undefined {
    this.depth++;
    try {
      if (this.depth > MAX_DEPTH) throw tooMuch(`at most ${MAX_DEPTH} expressions in each other, got more`);
      return super.evaluate(statement, environment);
    } finally {
      this.depth--;
    }
  }

  private spend(steps: number): void {
    this.steps += steps;
    if (this.steps > this.maxSteps)
      throw tooMuch(`at most ${this.maxSteps} steps for this conversation, got more`);
  }

  /** Size of a value written out; lists and mappings never change, so theirs is counted once. */
  private sizeOf(value: Value | undefined): number {
    const inner: unknown = value?.value;
    if (typeof inner === "string") return ITEM_SIZE + inner.length;
    if (value === undefined || !(Array.isArray(inner) || inner instanceof Map)) return ITEM_SIZE;
    const isNamespace = value.type === "NamespaceValue";
    const known = isNamespace ? undefined : this.sizes.get(value);
    if (known !== undefined) return known;
    let size = ITEM_SIZE;
    for (const item of (inner as ReadonlyMap<unknown, Value> | readonly Value[]).values()) {
      // A namespace can change after it was counted, and can hold itself.
      if (item.type === "NamespaceValue") throw tooMuch("no namespace inside another value, got one");
      size += this.sizeOf(item);
    }
    if (!isNamespace) this.sizes.set(value, size);
    return size;
  }
}

/** The error of a template that does not render a conversation, for reasons of its own. */
export function templateRefusal(reason: string, cause?: unknown): TokenizerError {
  const line = reason.replace(/\s+/g, " ").slice(0, MAX_REASON_CHARACTERS);
  return new TokenizerError(`chat template: refuses this conversation: ${line}`, {
    hint: "some templates take no system prompt, or want user and assistant in turn, user first",
    cause,
  });
}

function tooMuch(expected: string): TokenizerError {
  return new TokenizerError(`chat template: expected ${expected}`, {
    hint: "the template is broken or meant to do harm; mend chat_template, or choose --template alpaca or none",
  });
}
