/** Affinity cookies that have no secret of their own. */
import type { CookieAffinityOptions, LoadBalancerOptions, UpstreamOptions } from '../lib/index.js'

type Secretless = UpstreamOptions & { affinity: CookieAffinityOptions }

function isSecretless (upstream: UpstreamOptions): upstream is Secretless {
  const { affinity } = upstream
  return affinity !== undefined && affinity !== false && 'cookie' in affinity && affinity.cookie.secret === undefined
}

/** Names of the upstreams whose affinity cookie has no secret. */
export function secretless ({ upstreams = {} }: LoadBalancerOptions): string[] {
  return Object.keys(upstreams).filter(name => isSecretless(upstreams[name]!))
}

/** The same options with `secret` where one is missing. */
export function withSecret (options: LoadBalancerOptions, secret: string): LoadBalancerOptions {
  const upstreams = Object.entries(options.upstreams ?? {}).map(([name, upstream]) => {
    if (!isSecretless(upstream)) return [name, upstream]
    const { affinity } = upstream
    return [name, { ...upstream, affinity: { ...affinity, cookie: { ...affinity.cookie, secret } } }]
  })
  return { ...options, upstreams: Object.fromEntries(upstreams) }
}
