import type { Policy, PolicyTools } from '../policy.js'
import type { Target } from '../target.js'
import { carryOver } from './carry-over.js'
import { greatestCommonDivisor } from './divisors.js'
import { Rotation } from './rotation.js'

/** Up to this many targets with different weights, all are looked at: that costs less than to keep anything. */
const FULL_SCAN = 32
/** An array of more targets that has come so many times in a row is worth a rotation, which costs about as much to make. */
const WORTH_IT = 32

/** A random start never costs more picks than this. */
const LONGEST_START = 1_000

/**
 * Smooth weighted round robin, as nginx's `ngx_http_upstream_get_peer`: each pick adds every target's weight to its `current`, takes
 * the strictly largest (the first of equals), and subtracts the sum of the weights from the one taken. Weights 5, 1, 1 give
 * `a a b a c a a`. With equal weights this is taking turns, which costs O(1) as long as the same targets are asked for; with many
 * targets of different weights, those of each weight take turns among themselves.
 *
 * It starts at a random point of its cycle, so that many processes do not send their first requests to the same target.
 */
export function roundRobin ({ random }: PolicyTools): Policy {
  let members: readonly Target[] = []
  let equal = true
  let started = false
  /** The targets of the last pick. */
  let asked: readonly Target[] = []
  /** With different weights: nginx's `current_weight`, by index. */
  let current = new Float64Array(0)
  /** With different weights, for the array that came again and again. */
  let rotation: Rotation | undefined
  let rotating: readonly Target[] = []
  let repeated = 0
  /** With equal weights: the number of each target's last turn, by index. Who has waited longest is next. */
  let turns = new Float64Array(0)
  let turn = 0
  /** With equal weights: `asked` by their turns, the next at `head`. */
  let queue: Target[] | undefined
  let head = 0
  /** With equal weights: who has had its next turn already. */
  const owing = new Set<Target>()

  function takeTurns (targets: readonly Target[]): Target {
    // An array seen twice is worth a queue; the array of one request is not. One position in the configured order would not do:
    // tiers, tags and retries ask for other targets in between, and would always start from the same one.
    if (targets !== asked) {
      asked = targets
      queue = undefined
      return takeTurn(longestWaiting(targets))
    }
    if (queue === undefined) {
      queue = [...targets].sort((a, b) => turns[a.index]! - turns[b.index]!)
      head = 0
    }
    // A debt is one turn, so one round of skipping is the most there can be.
    while (owing.delete(queue[head]!)) advance(queue)
    return advance(queue)
  }

  function advance (queue: Target[]): Target {
    const target = queue[head]!
    head = (head + 1) % queue.length
    return takeTurn(target)
  }

  function takeTurn (target: Target): Target {
    turns[target.index] = ++turn
    return target
  }

  /** Without a queue: who has waited longest and owes nothing. Those who owe and were before it have had their turn with that. */
  function longestWaiting (targets: readonly Target[]): Target {
    const free = owing.size === 0 ? targets : targets.filter(target => !owing.has(target))
    if (free.length === 0) targets.forEach(target => owing.delete(target))
    const next = (free.length === 0 ? targets : free).reduce((a, b) => turns[b.index]! < turns[a.index]! ? b : a)
    if (free.length < targets.length) {
      for (const target of targets) if (turns[target.index]! < turns[next.index]! && owing.delete(target)) takeTurn(target)
    }
    return next
  }

  function weighted (targets: readonly Target[]): Target {
    repeated = targets === asked ? repeated + 1 : 0
    asked = targets
    if (rotation !== undefined) {
      if (targets === rotating) return rotation.next()
      // The array of one request; twice in a row, and it is the one that counts from now on.
      const next = repeated === 0 ? rotation.nextAmong(targets) : undefined
      if (next !== undefined) return next
      endRotation()
    }
    if (targets.length <= FULL_SCAN || repeated < WORTH_IT) return smooth(targets)
    rotation = new Rotation(targets, current)
    rotating = targets
    return rotation.next()
  }

  function endRotation (): void {
    rotation?.settle(current)
    rotation = undefined
  }

  function smooth (targets: readonly Target[]): Target {
    let sum = 0
    let best: Target | undefined
    let most = -Infinity
    for (const target of targets) {
      const weight = target.effectiveWeight
      sum += weight
      const value = current[target.index]! += weight
      if (value > most) {
        most = value
        best = target
      }
    }
    current[best!.index]! -= sum
    return best!
  }

  function start (weighted: readonly Target[]): void {
    started = true
    if (equal) {
      const first = Math.floor(random() * members.length)
      turns = turns.map((_, i) => (i < first ? i : i - members.length))
      turn = members.length
    } else {
      const unit = weighted.reduce((gcd, target) => greatestCommonDivisor(gcd, target.weight), 0)
      const total = weighted.reduce((sum, target) => sum + target.weight, 0)
      const picks = Math.min(total / unit, LONGEST_START)
      for (let i = Math.floor(random() * picks); i > 0; i--) smooth(weighted)
    }
  }

  return {
    pick (targets) {
      return equal ? takeTurns(targets) : weighted(targets)
    },

    update (all) {
      endRotation()
      const carried = carryOver(members, all)
      current = carried(current, 0)
      turns = carried(turns, turn)
      members = [...all]
      for (const target of owing) if (all[target.index] !== target) owing.delete(target)
      const able = all.filter(target => target.effectiveWeight > 0)
      equal = able.every(target => target.effectiveWeight === able[0]!.effectiveWeight)
      asked = able
      if (!started && able.length > 0) start(able)
    },

    charge (target) {
      if (equal) {
        owing.add(target)
        return
      }
      if (rotation !== undefined) {
        rotation.charge(target)
        return
      }
      // As nginx does: a turn like any other, but none for a target that owes a whole rotation.
      const sum = asked.reduce((sum, other) => sum + other.effectiveWeight, 0)
      if (current[target.index]! <= target.effectiveWeight - sum || !asked.includes(target)) return
      for (const other of asked) current[other.index]! += other.effectiveWeight
      current[target.index]! -= sum
    }
  }
}
