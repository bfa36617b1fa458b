/** Which CPU core each process gets; nothing where `taskset` or a second core is missing. */
import { spawnSync } from 'node:child_process'

/**
 * - by default, the proxy shares its core with nobody
 * - `oneCore`: all processes share one
 */
export function assignCores (oneCore) {
  const list = allowed()
  if (list.length < 2) return {}
  const proxy = list.at(-1)
  if (oneCore) return { load: proxy, targets: proxy, proxy }
  return { load: list[0], targets: list.length > 2 ? list[1] : list[0], proxy }
}

/** The cores this process may use: `taskset -p` says "pid 1's current affinity list: 0,2-3". */
function allowed () {
  const { status, stdout } = spawnSync('taskset', ['-cp', String(process.pid)], { encoding: 'utf8' })
  if (status !== 0) return []
  return stdout.slice(stdout.lastIndexOf(':') + 1).trim().split(',').flatMap(range => {
    const [first, last = first] = range.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, i) => first + i)
  })
}
