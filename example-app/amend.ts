/** What a change of the file does to a gateway that serves. */
import { isDeepStrictEqual } from 'node:util'
import type { Server as TlsServer } from 'node:tls'
import type { FastifyInstance } from 'fastify'
import type { TargetOptions, Upstream } from '../lib/index.js'
import type { Amendment, TargetList } from './changes.js'

export function amend (app: FastifyInstance, { targets, tls }: Amendment): void {
  for (const [name, { before, after }] of Object.entries(targets)) {
    const upstream = app.upstreams.get(name)
    // One that was taken out by hand stays out until others begin from the file.
    if (upstream !== undefined) upstream.replace(withWhatWasSet(upstream, before, after))
  }
  // Fastify types its server as HTTP's; there is a certificate to change only where it is HTTPS's.
  if (tls !== undefined) (app.server as unknown as TlsServer).setSecureContext(tls)
}

/** The file's targets. Of those that it says the same of as before, weight, tier and tags are what somebody has set them to since. */
function withWhatWasSet (upstream: Upstream, before: TargetList, after: TargetList): TargetList {
  // Ids have a default, which is the plugin's affair.
  const written = new Map(upstream.check(before).map(({ id }, place) => [id, before[place]]))
  return upstream.check(after).map(({ id, url }, place): string | TargetOptions => {
    const target = after[place]!
    const present = upstream.targets.get(id)
    if (present?.url !== url || !isDeepStrictEqual(written.get(id), target)) return target
    const { weight, tier, tags } = present
    return { ...typeof target === 'string' ? { url: target } : target, weight, tier, tags }
  })
}
