import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/**
 * Physical cores that this process may use, at least 1: two threads on one core make matrix products slower. On Linux
 * the core list of the kernel and the quota of the container count; elsewhere every logical processor is taken.
 */
export function physicalCoreCount(): number {
  const logical = availableParallelism();
  return Math.max(1, Math.min(logical, linuxCores() ?? logical, containerQuota() ?? logical));
}

function linuxCores(): number | undefined {
  try {
    const folder = "/sys/devices/system/cpu";
    const cores = new Set<string>();
    for (const name of readdirSync(folder)) {
      if (/^cpu\d+$/.test(name))
        cores.add(readFileSync(`${folder}/${name}/topology/thread_siblings_list`, "utf8"));
    }
    return cores.size > 0 ? cores.size : undefined;
  } catch {
    return undefined;
  }
}

/** The quota of the control group in processors, rounded up. */
function containerQuota(): number | undefined {
  try {
    const [quota, period] = readFileSync("/sys/fs/cgroup/cpu.max", "utf8").trim().split(" ").map(Number);
    return quota !== undefined && period !== undefined && quota > 0 ? Math.ceil(quota / period) : undefined;
  } catch {
    return undefined;
  }
}
