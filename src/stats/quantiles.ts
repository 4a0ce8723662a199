/**
 * @file Quantiles of the normal and of Student's t distribution, to about 1e-14, without a dependency.
 * Normal: Wichura 1988, algorithm AS 241 (PPND16). t: Newton steps on the regularised incomplete beta function,
 * continued fraction by Lentz (Numerical Recipes, section 6.4); with many degrees of freedom, where 1 − x would be rounded
 * away, the expansion about the normal quantile (Abramowitz & Stegun 26.7.5).
 */

type Coefficients = readonly number[];

const CENTRE_TOP: Coefficients = [
  3.3871328727963665, 133.14166789178438, 1971.5909503065513, 13731.69376550946, 45921.95393154987,
  67265.7709270087, 33430.57558358813, 2509.0809287301227,
];
const CENTRE_BOTTOM: Coefficients = [
  1, 42.31333070160091, 687.1870074920579, 5394.196021424751, 21213.794301586597, 39307.89580009271,
  28729.085735721943, 5226.495278852854,
];
const MIDDLE_TOP: Coefficients = [
  1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045, 1.2704582524523684,
  0.2417807251774506, 0.022723844989269184, 7.745450142783414e-4,
];
const MIDDLE_BOTTOM: Coefficients = [
  1, 2.053191626637759, 1.6763848301838038, 0.6897673349851, 0.14810397642748008, 0.015198666563616457,
  5.475938084995345e-4, 1.0507500716444169e-9,
];
const TAIL_TOP: Coefficients = [
  6.657904643501103, 5.463784911164114, 1.7848265399172913, 0.29656057182850487, 0.026532189526576124,
  0.0012426609473880784, 2.7115555687434876e-5, 2.0103343992922881e-7,
];
const TAIL_BOTTOM: Coefficients = [
  1, 0.599832206555888, 0.1369298809227358, 0.014875361290850615, 7.868691311456133e-4, 1.8463183175100548e-5,
  1.4215117583164459e-7, 2.0442631033899397e-15,
];

/**
 * The z with P(Z ≤ z) = p for a standard normal Z.
 * @param p probability; 0 and 1 give ∓infinity, anything outside gives NaN
 */
export function normalQuantile(p: number): number {
  if (!(p >= 0 && p <= 1)) return Number.NaN;
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) return q * ratio(CENTRE_TOP, CENTRE_BOTTOM, 0.180625 - q * q);
  const tail = Math.min(p, 1 - p);
  if (tail === 0) return q < 0 ? -Infinity : Infinity;
  const r = Math.sqrt(-Math.log(tail));
  const z = r <= 5 ? ratio(MIDDLE_TOP, MIDDLE_BOTTOM, r - 1.6) : ratio(TAIL_TOP, TAIL_BOTTOM, r - 5);
  return q < 0 ? -z : z;
}

/**
 * The t with P(T ≤ t) = p for Student's T.
 * @param p probability; 0 and 1 give ∓infinity, anything outside gives NaN
 * @param degreesOfFreedom > 0, else NaN; need not be whole
 */
export function tQuantile(p: number, degreesOfFreedom: number): number {
  if (!(p >= 0 && p <= 1) || !(degreesOfFreedom > 0)) return Number.NaN;
  if (p === 0.5) return 0;
  const tail = Math.min(p, 1 - p);
  if (tail === 0) return p < 0.5 ? -Infinity : Infinity;
  const isNearNormal = degreesOfFreedom >= NEAR_NORMAL;
  const t = (isNearNormal ? expandedQuantile : upperTailQuantile)(tail, degreesOfFreedom);
  return p < 0.5 ? -t : t;
}

/** Degrees of freedom from which on the expansion's remainder is below 1e-14 for tails down to 1e-15. */
const NEAR_NORMAL = 1e5;

/** The normal quantile and its corrections in powers of 1/df. */
function expandedQuantile(tail: number, df: number): number {
  const z = -normalQuantile(tail);
  const s = z * z;
  const first = (s + 1) / 4;
  const second = ((5 * s + 16) * s + 3) / 96;
  const third = (((3 * s + 19) * s + 17) * s - 15) / 384;
  const fourth = ((((79 * s + 776) * s + 1482) * s - 1920) * s - 945) / 92160;
  return z + (z / df) * (first + (second + (third + fourth / df) / df) / df);
}

/** Newton steps in log t, kept inside a bracket. `tail` is P(T > t), below one half. */
function upperTailQuantile(tail: number, df: number): number {
  let low = 0;
  let high = Infinity;
  let t = -normalQuantile(tail);
  for (let step = 0; step < 200; step++) {
    const error = tUpperTail(t, df) - tail;
    if (error > 0) low = t;
    else high = t;
    let next = t * Math.exp(error / (tDensity(t, df) * t));
    if (!(next > low && next < high)) next = high === Infinity ? t * 2 : (low + high) / 2;
    if (Math.abs(next - t) <= 1e-15 * t) return next;
    t = next;
  }
  return t;
}

function tDensity(t: number, df: number): number {
  return Math.exp(gammaRatio(df / 2) - ((df + 1) / 2) * Math.log1p((t * t) / df)) / Math.sqrt(df * Math.PI);
}

/** P(T > t) for t > 0. */
function tUpperTail(t: number, df: number): number {
  const a = df / 2;
  const square = (t * t) / df;
  // ln of x^a (1 − x)^½ / B(a, ½) with x = df / (df + t²)
  const front = Math.exp(
    gammaRatio(a) - 0.5 * Math.log(Math.PI) - (a + 0.5) * Math.log1p(square) + 0.5 * Math.log(square),
  );
  const x = 1 / (1 + square);
  if (x < (a + 1) / (a + 2.5)) return (0.5 * front * betaFraction(x, a, 0.5)) / a;
  return 0.5 - front * betaFraction(square / (1 + square), 0.5, a);
}

/** ln Γ(a + ½) − ln Γ(a): moved up to a ≥ 24 by recurrence, there by its asymptotic series. */
function gammaRatio(a: number): number {
  let shift = 0;
  let x = a;
  while (x < 24) {
    shift += Math.log(x / (x + 0.5));
    x += 1;
  }
  const i = 1 / x;
  const s = i * i;
  const series = i * (-1 / 8 + s * (1 / 192 + s * (-1 / 640 + s * (17 / 14336 - (s * 31) / 18432))));
  return 0.5 * Math.log(x) + series + shift;
}

/** Continued fraction of the incomplete beta function, modified Lentz. */
function betaFraction(x: number, a: number, b: number): number {
  let c = 1;
  let d = 1 / guarded(1 - ((a + b) * x) / (a + 1));
  let value = d;
  for (let m = 1; m <= 10_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / guarded(1 + even * d);
    c = guarded(1 + even / c);
    value *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / guarded(1 + odd * d);
    c = guarded(1 + odd / c);
    value *= d * c;
    if (Math.abs(d * c - 1) < 1e-16) break;
  }
  return value;
}

function guarded(value: number): number {
  return Math.abs(value) < 1e-300 ? 1e-300 : value;
}

function ratio(top: Coefficients, bottom: Coefficients, x: number): number {
  return polynomial(top, x) / polynomial(bottom, x);
}

function polynomial(coefficients: Coefficients, x: number): number {
  return coefficients.reduceRight((sum, coefficient) => sum * x + coefficient, 0);
}
