/** Which CPU core each process gets, so that the proxy shares its own with nobody; undefined where that cannot be had. */
import { spawnSync } from 'node:child_process'

export const cores = assign(allowed())

function assign (list) {
  if (list.length < 2) return undefined
  const load = list[0]
  return { load, targets: list.length > 2 ? list[1] : load, proxy: list.at(-1) }
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
