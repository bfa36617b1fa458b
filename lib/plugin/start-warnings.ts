/** What is valid, but serves nothing: said once, when the server is ready. */
import type { FastifyBaseLogger } from 'fastify'
import type { Upstreams } from './registry.js'
import type { Split } from './split.js'

/** `splits`: those of the routes, with the names of their upstreams. What finds its targets at run time may well have none yet. */
export function warnAtStart (log: FastifyBaseLogger, upstreams: Upstreams, splits: Array<{ upstream: string, split: Split | undefined }>): void {
  if (upstreams.shared !== null) return
  const fixed = [...upstreams].filter(({ name }) => upstreams.entry(name)!.discovery === undefined)
  for (const { name, targets } of fixed) {
    if (targets.size === 0) log.warn({ upstream: name }, 'the upstream has no targets and no discovery')
  }
  // A prefix is several routes.
  const said = new Set<string>()
  for (const { name, targets } of fixed) {
    for (const { tag, value } of splits.filter(({ upstream }) => upstream === name).flatMap(({ split }) => split?.missing(targets.values()) ?? [])) {
      const key = JSON.stringify([name, tag, value])
      if (!said.has(key)) log.warn({ upstream: name, tag, value }, 'split names a tag that no target has')
      said.add(key)
    }
  }
}
