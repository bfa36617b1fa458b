/**
 * Failures that targets have together: an outage of the network, or of something that all of them need. Backing off from one target spares requests only
 * while another serves them, so passive health treats such ejections differently.
 */
import type { Target } from './target.js'

/**
 * The targets that fail together with this one: all targets of the upstream, or all of its tier where that has several. Empty while one of the others
 * does well. Targets that an operator has taken out do not count.
 */
export function failingWith (target: Target, all: readonly Target[]): readonly Target[] {
  const ready = all.filter(other => other.lastResort || other === target)
  const others = ready.filter(other => other !== target)
  if (others.every(isDown)) return ready
  const tier = others.filter(other => other.tier === target.tier)
  return tier.length > 0 && tier.every(isDown) ? [target, ...tier] : []
}

function isDown ({ health, ejection }: Target): boolean {
  return health === 'unhealthy' || health === 'pending' || ejection.isDown
}
