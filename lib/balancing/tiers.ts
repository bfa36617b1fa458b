/**
 * Which targets take new clients, tier by tier. Worked out when something changes, read by every pick.
 * Spilling over between tiers follows Envoy's priority levels.
 */
import type { Target } from './target.js'

/** Envoy's overprovisioning factor: a tier keeps all its load until fewer than 1/1.4 of its targets are eligible. */
const OVERPROVISIONING = 1.4

export interface TierOptions {
  /** `gradual`: load moves on bit by bit as a tier loses targets. `hard`: only when a tier has nobody left. */
  readonly spill: 'gradual' | 'hard'
  readonly panic: 'fail-open' | 'fail-closed'
  /**
   * Share of a tier's targets, 0 to 1, below which its health is ignored; 0: only when nobody at all is left. Load that spills
   * gradually to tiers which together can take it is no reason yet.
   */
  readonly panicThreshold: number
}

/** One tier that takes new clients. */
export interface Level {
  readonly targets: readonly Target[]
  /** Share of the load up to and including this tier, 0 to 1; 1 in the last. */
  readonly upTo: number
}

export interface Availability {
  /** Tiers that may be used, best first. */
  readonly levels: readonly Level[]
  /** Health is being ignored, in one tier or altogether. */
  readonly panic: boolean
}

interface Tier { ready: Target[], eligible: Target[] }

export function availability (all: readonly Target[], { spill, panic, panicThreshold }: TierOptions): Availability {
  const tiers = byTier(all)
  // As Envoy: a tier that is short of targets does not panic while the others can help out.
  const enough = spill === 'gradual' && tiers.length > 1 && tiers.reduce((sum, tier) => sum + healthOf(tier), 0) >= 1
  let panicking = false
  const candidates: Array<{ targets: Target[], health: number }> = []
  for (const tier of tiers) {
    const { ready, eligible } = tier
    if (!enough && eligible.length / ready.length < panicThreshold) {
      panicking = true
      if (panic === 'fail-open') candidates.push({ targets: regardlessOfHealth(ready), health: 1 })
    } else if (eligible.length > 0) {
      candidates.push({ targets: eligible, health: spill === 'hard' ? 1 : healthOf(tier) })
    }
  }
  if (candidates.length === 0) return nobodyLeft(tiers, panic)

  // When all tiers together cannot take the whole load, each takes as much more as it would have had.
  const total = Math.min(1, candidates.reduce((sum, tier) => sum + tier.health, 0))
  let upTo = 0
  const levels = candidates.map(({ targets, health }) => {
    upTo = Math.min(1, upTo + health / total)
    return { targets, upTo }
  })
  levels[levels.length - 1]!.upTo = 1
  return { levels, panic: panicking }
}

/** Share of the whole load that a tier can take. */
function healthOf ({ ready, eligible }: Tier): number {
  return Math.min(1, OVERPROVISIONING * eligible.length / ready.length)
}

function nobodyLeft (tiers: readonly Tier[], panic: TierOptions['panic']): Availability {
  const lowest = tiers[0]
  if (lowest === undefined) return { levels: [], panic: false }
  return { levels: panic === 'fail-open' ? [{ targets: regardlessOfHealth(lowest.ready), upTo: 1 }] : [], panic: true }
}

/** All of them, but one that was never probed only where there is no other. */
function regardlessOfHealth (ready: Target[]): Target[] {
  const known = ready.filter(target => target.health !== 'pending')
  return known.length > 0 ? known : ready
}

/** Draining, maintenance and weight 0 are decisions, not failures: such targets are in no tier's total. */
function byTier (all: readonly Target[]): Tier[] {
  const tiers = new Map<number, Tier>()
  for (const target of all) {
    if (!target.lastResort) continue
    let tier = tiers.get(target.tier)
    if (tier === undefined) tiers.set(target.tier, tier = { ready: [], eligible: [] })
    tier.ready.push(target)
    if (target.eligible) tier.eligible.push(target)
  }
  return [...tiers.entries()].sort(([a], [b]) => a - b).map(([, tier]) => tier)
}
