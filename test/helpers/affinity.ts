/** The affinity of an upstream, without a gateway: what it reads of a request, and what it makes of a response. */
import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import type { Target } from '../../lib/balancing/target.js'
import type { Headers } from '../../lib/engine/headers.js'
import type { Upstream } from '../../lib/engine/upstream.js'
import type { AffinityOptions } from '../../lib/plugin/affinity-options.js'
import type { Visitor } from '../../lib/plugin/affinity.js'
import { Upstreams } from '../../lib/plugin/registry.js'
import { FakeClock } from './clock.js'

export interface AffinityBench {
  upstream: Upstream
  clock: FakeClock
  /** What was logged as a warning. */
  warnings: string[]
  /** How often a cookie was written out. */
  written: () => number
  /** Whose client a request with these headers is. */
  read: (headers: Record<string, string>) => Visitor
  /** The headers of the response, when this target served. */
  served: (visitor: Visitor, target: string | Target, headers?: Headers, protocol?: string) => Headers
}

/** Cookies are written as name, value and attributes in JSON, with spaces between them. */
export function affinityBench (affinity: AffinityOptions, { name = 'shop', ids = ['a', 'b', 'c'] } = {}): AffinityBench {
  const clock = new FakeClock()
  const warnings: string[] = []
  let written = 0
  const log = { info () {}, warn: (_what: object, text: string) => { warnings.push(text) } } as unknown as FastifyBaseLogger
  const registry = new Upstreams({}, log, (name, value, attributes) => {
    written++
    return `${name} ${value} ${JSON.stringify(attributes)}`
  })
  const upstream = registry.add(name, {
    targets: ids.map(id => ({ id, url: `http://${id}.internal:3000` })),
    affinity,
    now: clock.now,
    timers: clock
  })
  const own = registry.entry(name)!.affinity!
  const request = (headers: object, protocol: string): FastifyRequest => ({ raw: { headers }, protocol }) as unknown as FastifyRequest
  return {
    upstream,
    clock,
    warnings,
    written: () => written,
    read: headers => own.read(request(headers, 'http')),
    served (visitor, target, headers = {}, protocol = 'http') {
      own.served(visitor, typeof target === 'string' ? upstream.targets.get(target)! : target, headers, request({}, protocol))
      return headers
    }
  }
}
