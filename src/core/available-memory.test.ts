import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { memoryRoom } from "./available-memory.js";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "safe-to-serve-memory-"));
});
afterEach(() => rmSync(root, { recursive: true }));

function write(path: string, content: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}

test("is what the kernel can give and what the process holds already", () => {
  write("proc/meminfo", "MemTotal: 9000 kB\nMemFree: 10 kB\nMemAvailable:     2000 kB\n");
  expect(memoryRoom(root, 500)).toBe(2000 * 1024 + 500);
  write("sys/fs/cgroup/memory.max", "max\n");
  write("sys/fs/cgroup/memory.current", "100\n");
  expect(memoryRoom(root, 500)).toBe(2000 * 1024 + 500);
});

test("is bounded by the control group, of either version, whose idle cache is free", () => {
  write("proc/meminfo", "MemAvailable: 2000 kB\n");
  write("sys/fs/cgroup/memory.max", "1000000\n");
  write("sys/fs/cgroup/memory.current", "700000\n");
  write("sys/fs/cgroup/memory.stat", "anon 1\ninactive_file 50000\n");
  expect(memoryRoom(root, 0)).toBe(350_000);
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "400000\n");
  write("sys/fs/cgroup/memory/memory.usage_in_bytes", "300000\n");
  write("sys/fs/cgroup/memory/memory.stat", "inactive_file 9\ntotal_inactive_file 20000\n");
  expect(memoryRoom(root, 7)).toBe(120_007);
  write("sys/fs/cgroup/memory.current", "2000000\n");
  expect(memoryRoom(root, 7)).toBe(7);
});

test("falls back to what the operating system calls free", () => {
  expect(memoryRoom(root, 0)).toBeGreaterThan(0);
  expect(memoryRoom()).toBeGreaterThan(process.memoryUsage.rss() / 2);
});
