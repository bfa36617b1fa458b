/** What a new configuration asks of a gateway that runs. */
import { isDeepStrictEqual } from 'node:util'
import type { TargetOptions } from '../lib/index.js'
import type { GatewayConfig } from './config.js'
import type { TlsTexts } from './tls.js'

export type TargetList = Array<string | TargetOptions>

/** What workers take over while they serve. */
export interface Amendment {
  /** All targets of upstreams, by name, as the file had them and has them now. */
  targets: Record<string, { before: TargetList, after: TargetList }>
  tls: TlsTexts | undefined
}

/** `nothing`; an amendment, which connections and health outlive; or `workers`: others in their place. */
export type Change = 'nothing' | 'workers' | Amendment

export function changeBetween (before: GatewayConfig, after: GatewayConfig): Change {
  if (isDeepStrictEqual(before, after)) return 'nothing'
  if (!isDeepStrictEqual(withoutAmendable(before), withoutAmendable(after))) return 'workers'
  const targets = Object.entries(after.balancer.upstreams ?? {})
    .filter(([name, upstream]) => !isDeepStrictEqual(upstream, before.balancer.upstreams![name]))
    .map(([name, upstream]) => [name, { before: before.balancer.upstreams![name]!.targets ?? [], after: upstream.targets ?? [] }])
  return { targets: Object.fromEntries(targets), tls: isDeepStrictEqual(before.tls, after.tls) ? undefined : after.tls }
}

/** That there is TLS is nothing that can be changed, nor are targets that something else finds as well. */
function withoutAmendable ({ tls, balancer, ...rest }: GatewayConfig): unknown {
  const upstreams = Object.entries(balancer.upstreams ?? {}).map(([name, upstream]) => {
    const { targets, ...others } = upstream
    return [name, 'discovery' in upstream ? upstream : others]
  })
  return { ...rest, tls: tls !== undefined, balancer: { ...balancer, upstreams: Object.fromEntries(upstreams) } }
}
