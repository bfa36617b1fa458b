/** Targets as other gateways get to read them. */
import type { EngineTargetConfig, TargetOptions, TlsOptions } from '../engine/target-options.js'

/** JSON has no Infinity. */
const NO_LIMIT = Number.MAX_SAFE_INTEGER

/**
 * The options of a target, as JSON can have them; undefined when they have a certificate or a key of the gateway, which a store is not the place for.
 */
export function writtenTarget (config: EngineTargetConfig): TargetOptions | undefined {
  const { id, url, address, weight, tier, tags, ownLimit, tls } = config
  if (tls.cert !== undefined || tls.key !== undefined) return undefined
  return {
    id,
    url,
    ...(address !== undefined && { address }),
    weight,
    tier,
    tags,
    ...(ownLimit !== undefined && { limits: { maxRequests: Math.min(ownLimit, NO_LIMIT) } }),
    ...(Object.keys(tls).length > 0 && { tls: writtenTls(tls) })
  }
}

function writtenTls ({ ca, ...tls }: TlsOptions): TlsOptions {
  return ca === undefined ? tls : { ...tls, ca: [ca].flat().map(String) }
}
