import type { Target, TargetConfig } from './target.js'

export interface Reconciled {
  /** The targets there are now, in the order of the new list. */
  all: readonly Target[]
  /** The same without an order. */
  kept: ReadonlySet<Target>
  /** Of these, the ones that are new. */
  added: Target[]
  /** And those that were there with another config. */
  changed: Target[]
  /** Those that are there no more. */
  removed: Target[]
}

/**
 * What becomes of the targets when the list of them is `configs`: one that keeps its id, url and address lives on with its new config, all others are
 * created.
 */
export function reconciled (
  before: readonly Target[], byId: ReadonlyMap<string, Target>, configs: readonly TargetConfig[], create: (config: TargetConfig) => Target
): Reconciled {
  const added: Target[] = []
  const changed: Target[] = []
  const all = configs.map(config => {
    const known = byId.get(config.id)
    if (known === undefined || known.url !== config.url || known.config.address !== config.address) {
      const target = create(config)
      added.push(target)
      return target
    }
    if (!sameConfig(known.config, config)) changed.push(known)
    known.config = config
    if (known.warmingSince === undefined) known.effectiveWeight = config.weight
    return known
  })
  const kept = new Set(all)
  return { all, kept, added, changed, removed: before.filter(target => !kept.has(target)) }
}

function sameConfig (a: TargetConfig, b: TargetConfig): boolean {
  if (a === b) return true
  const tags = Object.keys(a.tags)
  return a.weight === b.weight && a.tier === b.tier && a.maxRequests === b.maxRequests &&
    tags.length === Object.keys(b.tags).length && tags.every(name => a.tags[name] === b.tags[name])
}
