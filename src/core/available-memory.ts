/**
 * @file How much memory this process may take: what the system can give without swapping, and what a container's control
 * group leaves. `os.freemem` counts the page cache as used on Linux, so the kernel's own estimate comes first.
 */
import { readFileSync } from "node:fs";
import { freemem } from "node:os";
import { join } from "node:path";

/**
 * Bytes that this process may hold in all, what it holds already included.
 * @param root where `proc` and `sys` lie; replaced in tests
 * @param held bytes that the process holds now
 */
export function memoryRoom(root = "/", held: number = process.memoryUsage.rss()): number {
  return held + Math.max(0, Math.min(systemFree(root), groupFree(root)));
}

/** What the system can give without swapping. */
function systemFree(root: string): number {
  const kilobytes = /^MemAvailable:\s+(\d+) kB/m.exec(text(root, "proc/meminfo"))?.[1];
  return kilobytes === undefined ? freemem() : Number(kilobytes) * 1024;
}

/** What the control group leaves, version 2 or 1; without a limit infinitely much. Cache that can be dropped is free. */
function groupFree(root: string): number {
  const group = "sys/fs/cgroup";
  const second = {
    limit: "memory.max",
    used: "memory.current",
    statistics: "memory.stat",
    cache: "inactive_file",
  };
  const first = {
    limit: "memory/memory.limit_in_bytes",
    used: "memory/memory.usage_in_bytes",
    statistics: "memory/memory.stat",
    cache: "total_inactive_file",
  };
  const free = [second, first].map(({ limit, used, statistics, cache }) => {
    const [most, now] = [limit, used].map((name) => Number.parseInt(text(root, join(group, name)), 10));
    if (most === undefined || now === undefined || !Number.isFinite(most) || !Number.isFinite(now))
      return Number.POSITIVE_INFINITY;
    const droppable = new RegExp(`^${cache} (\\d+)`, "m").exec(text(root, join(group, statistics)))?.[1];
    return most - now + Number(droppable ?? 0);
  });
  return Math.min(...free);
}

function text(root: string, path: string): string {
  try {
    return readFileSync(join(root, path), "utf8");
  } catch {
    return "";
  }
}
