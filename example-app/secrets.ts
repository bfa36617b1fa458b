/** Affinity cookies that have no secret of their own. */
import type { CookieAffinityOptions, LoadBalancerOptions, UpstreamOptions } from '../lib/index.js'

/** The affinity of an upstream whose cookie has no secret, without its shorthands; undefined for any other. */
function secretlessAffinity ({ affinity }: UpstreamOptions): CookieAffinityOptions & { cookie: object } | undefined {
  const written = affinity === true ? { cookie: {} } : affinity
  if (written === undefined || written === false || !('cookie' in written)) return undefined
  const cookie = written.cookie === true ? {} : written.cookie
  return cookie.secret === undefined ? { ...written, cookie } : undefined
}

/** Names of the upstreams whose affinity cookie has no secret. */
export function secretless ({ upstreams = {} }: LoadBalancerOptions): string[] {
  return Object.keys(upstreams).filter(name => secretlessAffinity(upstreams[name]!) !== undefined)
}

/** The same options with `secret` where one is missing. */
export function withSecret (options: LoadBalancerOptions, secret: string): LoadBalancerOptions {
  const upstreams = Object.entries(options.upstreams ?? {}).map(([name, upstream]) => {
    const affinity = secretlessAffinity(upstream)
    if (affinity === undefined) return [name, upstream]
    return [name, { ...upstream, affinity: { ...affinity, cookie: { ...affinity.cookie, secret } } }]
  })
  return { ...options, upstreams: Object.fromEntries(upstreams) }
}
