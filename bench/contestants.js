/** Who is compared: each a process of its own, ours and the peers of Node from proxies/, other programs from gateways/. */
import { spawnSync } from 'node:child_process'
import { Child } from './child.js'
import { cpuOf } from './cpu.js'
import { startHaproxy } from './gateways/haproxy.js'
import { startNginx } from './gateways/nginx.js'

/** By the name in tables: the file in proxies/, or what starts the `program`, which may not be there. */
const KNOWN = {
  ours: { file: 'ours' },
  '@fastify/http-proxy': { file: 'fastify-http-proxy' },
  'reply-from': { file: 'reply-from' },
  'http-proxy': { file: 'http-proxy' },
  'floor in Fastify': { file: 'fastify-floor' },
  floor: { file: 'floor' },
  nginx: { program: 'nginx', start: (origins, core) => startNginx('least_conn', origins, core) },
  HAProxy: { program: 'haproxy', start: (origins, core) => startHaproxy('leastconn', origins, core) }
}

export const contestants = Object.keys(KNOWN)

/** Those of the names that can be started here; says aloud who cannot. */
export function presentOf (names) {
  return names.filter(name => {
    const { program } = KNOWN[name]
    const there = program === undefined || spawnSync(program, ['-v']).error === undefined
    if (!there) console.error(`!! ${name} is left out: ${program} is not installed (apt-get install ${program})`)
    return there
  })
}

/** Starts one; `flags` are node's own. */
export async function startContestant (name, { origins, core, flags }) {
  const { file, start } = KNOWN[name]
  if (file !== undefined) return { name, ...await startProxy(file, { origins, core, flags }) }
  const { port, pid, end } = await start(origins, core)
  return { name, port, end, cpu: () => cpuOf(pid) }
}

/**
 * Starts a file of proxies/ in a process of its own, with options of its own. Resolves to its `port`, its `cpu()` so far in microseconds, and what ends it; it is a
 * process of Node's, so `flags` are node's.
 */
export async function startProxy (file, { origins, core, flags, ...options }) {
  const child = new Child('proxy.js', [file], { core, flags })
  const { port } = await child.call('start', { origins, ...options })
  return { port, end: () => child.end(), cpu: () => cpuOf(child.pid) }
}
