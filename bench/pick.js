/** The process in which one policy picks: `node pick.js`, told what by the command. It runs the package as it is built. */
import { Balancer } from '../dist/lib/balancing/balancer.js'
import { policyOption } from '../dist/lib/balancing/policies/index.js'
import { checked } from '../dist/lib/options.js'
import { answerCalls } from './child.js'

/** Requests in flight for each target, and at most. */
const IN_FLIGHT = 2
const MOST_IN_FLIGHT = 500
/** Keys that requests come with, if the policy goes by keys. */
const KEYS = 4_096
/** Answers that targets give, in turns: milliseconds to the first byte. */
const LATENCIES = [3, 5, 4, 9, 2, 6, 30, 4]

answerCalls({
  /**
   * Nanoseconds that a request costs because of the policy: its pick, and what it makes of the answer. That is what it costs more than with a policy that names targets in
   * an order that does not depend on anything. (One that always named the same would have all of it in the processor's cache.)
   * @param ms how long each of the rounds lasts
   * @param requestUs time that passes from one request to the next, for policies that go by time
   */
  measure ({ policy, targets, weighted, rounds, ms, requestUs }) {
    const contestants = [policy, inOrder].map(option => new Bench(option, { targets, weighted, requestUs }))
    for (const contestant of contestants) contestant.run(ms * 2)
    const costs = []
    for (let round = 0; round < rounds; round++) {
      const [ours, nothing] = contestants.map(contestant => contestant.run(ms))
      costs.push(Math.max(0, ours - nothing))
    }
    return { costs }
  }
})

function inOrder () {
  let at = 0
  return {
    pick (targets) {
      at = (at + 7919) % targets.length
      return targets[at]
    }
  }
}

class Bench {
  #balancer
  #contexts
  #now = 0
  #stepMs
  #open = []
  #turn = 0

  constructor (option, { targets, weighted, requestUs }) {
    const { create } = checked(policyOption, option, 'policy')
    this.#stepMs = requestUs / 1000
    const clock = { now: () => this.#now, after: (_ms, run, arg) => { queueMicrotask(() => run(arg)) }, cancel () {} }
    this.#balancer = new Balancer({
      policy: create,
      ejection: false,
      slowStart: false,
      initialHealth: 'unchecked',
      spill: 'gradual',
      panic: 'fail-open',
      panicThreshold: 0,
      clock,
      random: Math.random,
      notify () {},
      opened () {},
      ask () {},
      fault (error) { throw error }
    })
    this.#balancer.replace(Array.from({ length: targets }, (_, i) => {
      const host = `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`
      return { id: host, url: `http://${host}:8080`, weight: weighted ? 1 + i % 4 : 1, tier: 0, tags: {}, maxRequests: Infinity }
    }))
    this.#contexts = Array.from({ length: KEYS }, (_, i) => ({ hashKey: `user-${i * 7919}`, address: '10.0.0.1' }))
    // In the order in which they were begun: what ends is what has waited longest.
    this.#open = new Array(Math.min(targets * IN_FLIGHT, MOST_IN_FLIGHT)).fill(undefined)
  }

  /** Nanoseconds of the processor for a request. */
  run (ms) {
    const open = this.#open
    const balancer = this.#balancer
    let requests = 0
    const until = performance.now() + ms
    const before = process.cpuUsage()
    while (performance.now() < until) {
      for (let i = 0; i < 500; i++) {
        const turn = this.#turn++
        this.#now += this.#stepMs
        const target = balancer.pick(this.#contexts[turn % KEYS])
        const place = turn % open.length
        const ttfbMs = LATENCIES[turn % LATENCIES.length]
        if (open[place]?.listening) open[place].heard({ status: 200, ttfbMs, header })
        open[place]?.end({ outcome: 'success', status: 200, ttfbMs, durationMs: ttfbMs })
        open[place] = balancer.begin(target)
      }
      requests += 500
    }
    const { user, system } = process.cpuUsage(before)
    return (user + system) * 1e3 / requests
  }
}

/** What targets say of themselves, to policies that ask. */
function header (name) {
  return name.endsWith('latency') ? '4.25' : '2'
}
