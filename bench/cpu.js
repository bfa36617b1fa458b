/** CPU time by Linux's /proc, for programs of any kind: all threads of a process and of its descendants. */
import { readdirSync, readFileSync } from 'node:fs'

/** Microseconds so far. What has ended is not counted any more, so compare figures of processes that live on. */
export function cpuOf (pid) {
  let total = 0
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const dir = `/proc/${pid}/task/${thread}`
    // "nanoseconds on a CPU, nanoseconds in its queue, times it got on": utime and stime of `stat` count in steps of 10 ms.
    total += Number(read(`${dir}/schedstat`).split(' ', 1)[0]) / 1000
    for (const child of read(`${dir}/children`).split(' ')) if (child !== '') total += cpuOf(child)
  }
  return total
}

function read (file) {
  return readFileSync(file, 'latin1').trim()
}
