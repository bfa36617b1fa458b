import type { DrainOptions } from '../../engine/call-options.js'
import type { Upstream } from '../../engine/upstream.js'
import type { Prober } from '../../health/prober.js'

/** As much of `fastify.upstreams` as the admin API needs. */
export interface Registry extends Iterable<Upstream> {
  get (name: string): Upstream | undefined
  add (name: string, options: object): Upstream
  remove (name: string, options: DrainOptions): Promise<void>
  entry (name: string): { readonly prober: Prober | undefined } | undefined
  /** Hands over each upstream: those that are there, and those that come. */
  watch (seen: (upstream: Upstream) => void): void
}
