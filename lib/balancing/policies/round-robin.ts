import type { Policy, PolicyTools } from '../policy.js'
import type { Target } from '../target.js'
import { carryOver } from './carry-over.js'
import { greatestCommonDivisor } from './divisors.js'
import { Rotation } from './rotation.js'

/** Up to this many targets, all are looked at: that costs less than to keep anything. */
const FULL_SCAN = 32

/** A random start never costs more picks than this, or than there are targets. */
const LONGEST_START = 1_000

/** Credits are multiples of this: what rounding leaves between equal ones must not decide which comes first. */
const GRID = 2 ** -30

/**
 * Smooth weighted round robin, as nginx's `ngx_http_upstream_get_peer`: each pick adds every target's weight to its credit, takes the strictly largest
 * (the first of equals), and subtracts the sum of the weights from the one taken. Weights 5, 1, 1 give `a a b a c a a`, and equal weights take turns.
 * Among many targets, a `Rotation` finds the same target without a look at all of them.
 *
 * The credit of a target is a part of a turn that it is owed, whichever targets are asked for. When these change, or their weights do, each keeps its
 * credit, so whoever has waited longest is still next. Credits that would make one target serve in bursts under the new weights are scaled down.
 *
 * It starts at a random point of its cycle, so that many processes do not send their first requests to the same target.
 */
export function roundRobin ({ random }: PolicyTools): Policy {
  let members: readonly Target[] = []
  let started = false
  /** The targets of the last pick. */
  let asked: readonly Target[] = []
  /** The sum of their weights, which is one turn. */
  let turn = 1
  /** What each target is owed, by index: `turn` is a whole turn. nginx's `current_weight`. */
  let credit = new Float64Array(0)
  /** An index of the credits of `asked`, once they have come a second time. */
  let rotation: Rotation | undefined
  /** The array of one request that came last, while there is a rotation of others. */
  let passing: readonly Target[] | undefined

  /** From now on, picks are among these. */
  function ask (targets: readonly Target[]): void {
    endRotation()
    let sum = 0
    let mean = 0
    for (const { index, effectiveWeight } of targets) {
      sum += effectiveWeight
      mean += credit[index]! / targets.length
    }
    let scale = 1
    for (const { index, effectiveWeight } of targets) {
      const ahead = (credit[index]! - mean) / turn
      const most = mostAhead(effectiveWeight, sum, targets.length)
      if (ahead > most) scale = Math.min(scale, most / ahead)
    }
    const before = turn
    turn = sum
    for (let i = 0; i < credit.length; i++) credit[i] = onGrid(credit[i]! / before * sum)
    mean = mean / before * sum
    for (const { index } of targets) credit[index] = onGrid((credit[index]! - mean) * scale)
    asked = targets
  }

  function endRotation (): void {
    rotation?.settle(credit)
    rotation = undefined
    passing = undefined
  }

  function scan (): Target {
    let best: Target | undefined
    let most = -Infinity
    for (const target of asked) {
      const value = credit[target.index]! += target.effectiveWeight
      if (value > most) {
        most = value
        best = target
      }
    }
    credit[best!.index]! -= turn
    return best!
  }

  /** The array of one request, such as a retry, leaves the rotation as it is. Undefined where it cannot serve it, or the array counts from now on. */
  function inPassing (targets: readonly Target[]): Target | undefined {
    if (rotation === undefined || targets === passing) return undefined
    passing = targets
    return rotation.nextAmong(targets)
  }

  function start (able: readonly Target[]): void {
    started = true
    const unit = able.reduce((gcd, target) => greatestCommonDivisor(gcd, target.weight), 0)
    const cycle = able.reduce((sum, target) => sum + target.weight, 0) / unit
    const first = new Rotation(able, credit)
    for (let i = Math.floor(random() * Math.min(cycle, Math.max(able.length, LONGEST_START))); i > 0; i--) first.next()
    first.settle(credit)
  }

  return {
    pick (targets) {
      if (targets === asked) {
        if (rotation !== undefined) return rotation.next()
        if (targets.length <= FULL_SCAN) return scan()
        rotation = new Rotation(targets, credit)
        return rotation.next()
      }
      const target = inPassing(targets)
      if (target !== undefined) return target
      ask(targets)
      return scan()
    },

    update (all) {
      endRotation()
      const able = all.filter(target => target.effectiveWeight > 0)
      const sum = able.reduce((sum, target) => sum + target.effectiveWeight, 0)
      // A newcomer is treated as one that has just had its turn, which leaves half of what the others get until the next.
      const newcomers = new Set(all)
      for (const member of members) newcomers.delete(member)
      credit = carryOver(members, all)(credit, 0)
      if (started && sum > 0) for (const { index, effectiveWeight } of newcomers) credit[index] = (effectiveWeight / sum - 1) / 2 * turn
      members = [...all]
      if (able.length === 0) return
      ask(able)
      if (!started) start(able)
    },

    charge (target) {
      if (rotation !== undefined) {
        rotation.charge(target)
        return
      }
      // As nginx does: a turn like any other, but none for a target that owes a whole rotation.
      if (credit[target.index]! <= target.effectiveWeight - turn || !asked.includes(target)) return
      for (const other of asked) credit[other.index]! += other.effectiveWeight
      credit[target.index]! -= turn
    }
  }
}

/**
 * Turns that a target may be owed at most when it is asked for among others, so that it is not picked more than `ceil(weight / others) + 1` times in a
 * row. Its own credit falls by `others / sum` with each pick, while theirs, whose average it is that much ahead of, rise by the same.
 */
function mostAhead (weight: number, sum: number, count: number): number {
  const others = sum - weight
  if (others <= 0) return 1
  const longestRun = Math.ceil(weight / others) + 1
  return Math.min(1, (longestRun + 1) * others / sum - (count - 1) / count) * 0.999
}

function onGrid (value: number): number {
  return Math.round(value / GRID) * GRID
}
