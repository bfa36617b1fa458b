/** How many keys go elsewhere when a target comes or goes: picks of the shipped policy, no time passes. */
import { VirtualClock } from './engine/clock.js'
import { Gateway } from './engine/gateway.js'
import { stream } from './engine/random.js'
import { hash } from './workloads/zipf-keys.js'

export const methods = ['rendezvous', 'ketama', 'maglev', 'modulo']

/**
 * @param count targets before the change
 * @returns by change, the share of keys that moved, the share that had to (a key whose target is gone, or the new target's part), and the share of keys
 * that moved between two targets that were there before and after
 */
export function keysMoved (method, count, keys) {
  const ids = idsOf(count)
  const before = homes(method, ids, keys)
  return {
    removed: compare(before, homes(method, ids.slice(0, -1), keys), ids.at(-1), 1 / count),
    added: compare(before, homes(method, idsOf(count + 1), keys), `t${count}`, 1 / (count + 1))
  }
}

function compare (before, after, changed, needed) {
  let moved = 0
  let stray = 0
  before.forEach((id, i) => {
    if (after[i] === id) return
    moved++
    if (id !== changed && after[i] !== changed) stray++
  })
  return { moved: moved / before.length, needed, stray: stray / before.length }
}

/** The target of each key. */
function homes (method, ids, keys) {
  if (method === 'modulo') return Array.from({ length: keys }, (_, i) => ids[fnv1a(`key-${i}`) % ids.length])
  const clock = new VirtualClock()
  const gateway = new Gateway({ policy: hash(method), targets: ids.map(id => ({ id, url: `http://${id}.example` })) }, { clock, random: stream(1, 'gateway') })
  // Tables may be made a bit at a time.
  while (clock.step());
  return Array.from({ length: keys }, (_, i) => gateway.pick({ hashKey: `key-${i}` }).id)
}

function idsOf (count) {
  return Array.from({ length: count }, (_, i) => `t${i}`)
}

/** What is written when nobody thinks of it: the hash of the key, modulo the number of targets. */
function fnv1a (text) {
  let hash = 0x811c9dc5
  for (const char of text) hash = Math.imul(hash ^ char.codePointAt(0), 0x01000193)
  return hash >>> 0
}
