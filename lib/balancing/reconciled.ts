import type { Target, TargetConfig } from './target.js'

/** What becomes of the targets of an upstream. */
export interface Reconciled {
  /** The targets there are now, in their order. */
  all: readonly Target[]
  /** The same by id, in the same order. */
  byId: ReadonlyMap<string, Target>
  /** Of these, the ones that are new. */
  added: Target[]
  /** And those that were there with another config. */
  changed: Target[]
  /** Those that are there no more. */
  removed: Target[]
}

type Create = (config: TargetConfig) => Target

/**
 * When the list of the targets is `configs`: one that keeps its id, url and address lives on with its new config, all others are created.
 */
export function reconciled (before: readonly Target[], byId: ReadonlyMap<string, Target>, configs: readonly TargetConfig[], create: Create): Reconciled {
  const added: Target[] = []
  const changed: Target[] = []
  const all = configs.map(config => {
    const known = byId.get(config.id)
    if (known !== undefined && isSameServer(known, config)) return amended(known, config, changed)
    const target = create(config)
    added.push(target)
    return target
  })
  const now = new Map(all.map(target => [target.id, target]))
  return { all, byId: now, added, changed, removed: before.filter(target => now.get(target.id) !== target) }
}

/**
 * When `configs` come, behind the others or in the place of those that have their ids, and `gone` go. That costs as much as what changes, and copies of
 * the lists.
 */
export function revised (
  before: readonly Target[], byId: ReadonlyMap<string, Target>, configs: readonly TargetConfig[], gone: ReadonlySet<Target>, create: Create
): Reconciled {
  const all = [...before]
  const now = new Map(byId)
  const added: Target[] = []
  const changed: Target[] = []
  const removed = [...gone]
  for (const config of configs) {
    const known = byId.get(config.id)
    if (known !== undefined && isSameServer(known, config)) {
      amended(known, config, changed)
      continue
    }
    const target = create(config)
    added.push(target)
    now.set(target.id, target)
    if (known === undefined) {
      all.push(target)
    } else {
      all[known.index] = target
      removed.push(known)
    }
  }
  for (const { id } of gone) now.delete(id)
  return { all: gone.size === 0 ? all : all.filter(target => !gone.has(target)), byId: now, added, changed, removed }
}

function isSameServer (target: Target, config: TargetConfig): boolean {
  return target.url === config.url && target.config.address === config.address
}

function amended (target: Target, config: TargetConfig, changed: Target[]): Target {
  if (!sameConfig(target.config, config)) changed.push(target)
  target.config = config
  if (target.warmingSince === undefined) target.effectiveWeight = config.weight
  return target
}

function sameConfig (a: TargetConfig, b: TargetConfig): boolean {
  if (a === b) return true
  const tags = Object.keys(a.tags)
  return a.weight === b.weight && a.tier === b.tier && a.maxRequests === b.maxRequests &&
    tags.length === Object.keys(b.tags).length && tags.every(name => a.tags[name] === b.tags[name])
}
