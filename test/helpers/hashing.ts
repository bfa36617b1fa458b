/** Targets, keys and placements for what is said about consistent hashing. */
import { Ejection } from '../../lib/balancing/ejection.js'
import { Ketama } from '../../lib/balancing/policies/hash/ketama.js'
import { Maglev } from '../../lib/balancing/policies/hash/maglev.js'
import type { Placement } from '../../lib/balancing/policies/hash/placement.js'
import { Rendezvous } from '../../lib/balancing/policies/hash/rendezvous.js'
import { Target } from '../../lib/balancing/target.js'
import { configOf, defaultRules } from './core.js'

export const methods: Record<'rendezvous' | 'ketama' | 'maglev', () => Placement> = {
  rendezvous: () => new Rendezvous(),
  ketama: () => new Ketama(run => { run() }),
  maglev: () => new Maglev(run => { run() })
}

/** Targets by host and port, whose ids are these, with their weights. */
export function servers (weights: Record<string, number>): Target[] {
  return placed(Object.entries(weights).map(([id, weight]) => new Target(configOf(id, { url: `http://${id}`, weight }), 'unchecked', new Ejection(defaultRules, 0))))
}

/** Sets the indexes, as the Balancer does. */
export function placed (all: Target[]): Target[] {
  all.forEach((target, index) => { target.index = index })
  return all
}

/** As many servers, all of weight 1. */
export function manyServers (count: number): Target[] {
  return servers(Object.fromEntries(Array.from({ length: count }, (_, i) => [`10.0.${i >> 8}.${i & 255}:8080`, 1])))
}

export const keysOf = (count: number): string[] => Array.from({ length: count }, (_, i) => `key:${i}`)

/** Whose each key is, where all are available. */
export function owners (placement: Placement, all: readonly Target[], keys: readonly string[]): Array<Target | undefined> {
  placement.update(all)
  return keys.map(key => placement.find(key, all, () => true))
}
