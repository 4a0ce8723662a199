/**
 * @file How many requests are under way: the limit that an endpoint bears, found as TCP finds it (RFC 5681). It doubles
 * every round until the first overload, is halved by an overload and then grows by one a round, never over the maximum.
 */

/** How a request ended, as far as the limit is concerned. */
export type GateResult = "answered" | "overloaded" | "failed";

const FIRST_LIMIT = 4;

/** Admits requests, as many at once as the endpoint seems to bear. */
export class ConcurrencyGate {
  private readonly maximum: number;
  private readonly waiting: (() => void)[] = [];
  private exactLimit: number;
  private isStarting = true;
  private active = 0;
  private issued = 0;
  /** Requests admitted before the last halving say nothing new. */
  private issuedAtHalving = 0;

  /** @param maximum requests at once, at least 1 */
  constructor(maximum: number) {
    this.maximum = maximum;
    this.exactLimit = Math.min(FIRST_LIMIT, maximum);
  }

  /** Requests that may be under way now. */
  get limit(): number {
    return Math.floor(this.exactLimit);
  }

  /** Waits for a place. @returns the ticket that {@link ConcurrencyGate.leave} takes */
  async enter(): Promise<number> {
    if (this.active < this.limit) this.active++;
    else await new Promise<void>((admit) => this.waiting.push(admit));
    return ++this.issued;
  }

  /** Gives the place back and adapts the limit. */
  leave(ticket: number, result: GateResult): void {
    if (result === "answered") this.grow();
    if (result === "overloaded" && ticket > this.issuedAtHalving) this.halve();
    this.active--;
    while (this.active < this.limit) {
      const admit = this.waiting.shift();
      if (admit === undefined) return;
      this.active++;
      admit();
    }
  }

  private grow(): void {
    const step = this.isStarting ? 1 : 1 / this.exactLimit;
    this.exactLimit = Math.min(this.maximum, this.exactLimit + step);
  }

  /** Requests sent together are refused together: a burst halves the limit once. */
  private halve(): void {
    this.isStarting = false;
    this.exactLimit = Math.max(1, this.exactLimit / 2);
    this.issuedAtHalving = this.issued;
  }
}
