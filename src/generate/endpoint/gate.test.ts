import { expect, test } from "vitest";
import { ConcurrencyGate } from "./gate.js";

/** Enters as often as there are places. */
async function fill(gate: ConcurrencyGate): Promise<number[]> {
  const tickets: number[] = [];
  for (let i = gate.limit; i > 0; i--) tickets.push(await gate.enter());
  return tickets;
}

test("doubles every round up to the maximum while nothing is overloaded", async () => {
  const gate = new ConcurrencyGate(50);
  const limits = [];
  for (let round = 0; round < 5; round++) {
    limits.push(gate.limit);
    for (const ticket of await fill(gate)) gate.leave(ticket, "answered");
  }
  expect(limits).toEqual([4, 8, 16, 32, 50]);
});

test("halves once for a burst of overloads, then grows by one a round", async () => {
  const gate = new ConcurrencyGate(16);
  for (let round = 0; round < 2; round++)
    for (const ticket of await fill(gate)) gate.leave(ticket, "answered");
  expect(gate.limit).toBe(16);
  for (const ticket of await fill(gate)) gate.leave(ticket, "overloaded");
  expect(gate.limit).toBe(8);
  for (const ticket of await fill(gate)) gate.leave(ticket, "answered");
  // 8 steps of 1 / limit fall a little short of one.
  expect(gate.limit).toBe(8);
  for (const ticket of await fill(gate)) gate.leave(ticket, "answered");
  expect(gate.limit).toBe(9);
});

test("never falls below one, and failures that are no overload change nothing", async () => {
  const gate = new ConcurrencyGate(4);
  for (let i = 0; i < 6; i++) gate.leave(await gate.enter(), "overloaded");
  expect(gate.limit).toBe(1);
  gate.leave(await gate.enter(), "failed");
  expect(gate.limit).toBe(1);
});

test("admits in order, as places become free", async () => {
  const gate = new ConcurrencyGate(1);
  const first = await gate.enter();
  const order: string[] = [];
  const enter = async (name: string): Promise<number> => {
    const ticket = await gate.enter();
    order.push(name);
    return ticket;
  };
  const second = enter("second");
  const third = enter("third");
  await Promise.resolve();
  expect(order).toEqual([]);
  gate.leave(first, "answered");
  const ticket = await second;
  expect(order).toEqual(["second"]);
  gate.leave(ticket, "answered");
  await third;
  expect(order).toEqual(["second", "third"]);
});
