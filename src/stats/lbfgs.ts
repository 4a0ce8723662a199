/**
 * @file L-BFGS for smooth convex functions: two-loop recursion (Nocedal & Wright 2006, algorithms 7.4 and 7.5) with a
 * backtracking line search, which suffices where every step that decreases the function also has positive curvature.
 */

/** The function's value at `x`; writes its gradient into `gradient`. */
export type Objective = (x: Float64Array, gradient: Float64Array) => number;

/** When to stop. */
export interface MinimiseOptions {
  /** Largest entry of the gradient that counts as zero; default 1e-6. */
  readonly tolerance?: number;
  /** Default 500. */
  readonly maxIterations?: number;
}

/** Where the search ended. */
export interface Minimum {
  readonly x: Float64Array;
  readonly value: number;
  readonly iterations: number;
  /** The gradient is within the tolerance, or no step makes the function smaller in float64. */
  readonly isConverged: boolean;
}

/** Steps that the curvature is estimated from. */
const MEMORY = 10;
/** Share of the decrease that the slope promises, which a step must reach. */
const SUFFICIENT = 1e-4;
const MOST_HALVINGS = 40;

interface Curvature {
  readonly step: Float64Array;
  readonly change: Float64Array;
  /** 1 / stepᵀchange */
  readonly rho: number;
}

/** The minimum of a smooth convex function, searched from `start`, which is left as it is. */
export function minimise(objective: Objective, start: Float64Array, options: MinimiseOptions = {}): Minimum {
  const { tolerance = 1e-6, maxIterations = 500 } = options;
  const history: Curvature[] = [];
  let x: Float64Array = start.slice();
  let gradient: Float64Array = new Float64Array(x.length);
  let value = objective(x, gradient);
  for (let iterations = 0; iterations < maxIterations; iterations++) {
    if (largest(gradient) <= tolerance) return { x, value, iterations, isConverged: true };
    const direction = descent(gradient, history);
    const next = search(objective, { x, value, gradient, direction });
    if (next === null) return { x, value, iterations, isConverged: true };
    remember(history, difference(next.x, x), difference(next.gradient, gradient));
    ({ x, value, gradient } = next);
  }
  return { x, value, iterations: maxIterations, isConverged: largest(gradient) <= tolerance };
}

interface Point {
  readonly x: Float64Array;
  readonly value: number;
  readonly gradient: Float64Array;
}

/** Halves the step until it decreases the function enough; null when none does. */
function search(
  objective: Objective,
  { x, value, gradient, direction }: Point & { readonly direction: Float64Array },
): (Point & { readonly gradient: Float64Array }) | null {
  const slope = dot(gradient, direction);
  for (let halving = 0, size = 1; halving < MOST_HALVINGS; halving++, size /= 2) {
    const moved = x.map((coordinate, i) => coordinate + size * (direction[i] as number));
    const there = new Float64Array(x.length);
    const reached = objective(moved, there);
    if (reached <= value + SUFFICIENT * size * slope && reached < value)
      return { x: moved, value: reached, gradient: there };
  }
  return null;
}

/** −H·gradient, H the inverse curvature as the last steps show it; at first a step of length 1. */
function descent(gradient: Float64Array, history: readonly Curvature[]): Float64Array {
  const q = gradient.slice();
  const alphas = new Float64Array(history.length);
  for (let i = history.length - 1; i >= 0; i--) {
    const { step, change, rho } = history[i] as Curvature;
    alphas[i] = rho * dot(step, q);
    addTo(q, change, -(alphas[i] as number));
  }
  const last = history.at(-1);
  const scale =
    last === undefined
      ? 1 / Math.max(1, Math.sqrt(dot(gradient, gradient)))
      : 1 / (last.rho * dot(last.change, last.change));
  for (let i = 0; i < q.length; i++) q[i] = (q[i] as number) * scale;
  history.forEach(({ step, change, rho }, i) => {
    addTo(q, step, (alphas[i] as number) - rho * dot(change, q));
  });
  return q.map((value) => -value);
}

function remember(history: Curvature[], step: Float64Array, change: Float64Array): void {
  const product = dot(step, change);
  if (!(product > 0)) return;
  history.push({ step, change, rho: 1 / product });
  if (history.length > MEMORY) history.shift();
}

function difference(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => value - (b[i] as number));
}

function addTo(target: Float64Array, values: Float64Array, factor: number): void {
  for (let i = 0; i < target.length; i++) target[i] = (target[i] as number) + factor * (values[i] as number);
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

function largest(values: Float64Array): number {
  let most = 0;
  for (const value of values) most = Math.max(most, Math.abs(value));
  return most;
}
