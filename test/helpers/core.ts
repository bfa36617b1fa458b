/** The core with time that stands still and chance that repeats, in short notation. */
import { Balancer, type BalancerOptions } from '../../lib/balancing/balancer.js'
import type { Refusal } from '../../lib/balancing/picker.js'
import type { Lease } from '../../lib/balancing/lease.js'
import { Ejection, ejectionOptions, type EjectionRules } from '../../lib/balancing/ejection.js'
import type { Outcome, Settlement } from '../../lib/balancing/outcome.js'
import { policies, type PolicyName } from '../../lib/balancing/policies/index.js'
import type { PickContext, Policy, PolicyTools } from '../../lib/balancing/policy.js'
import { slowStartOptions, type SlowStart } from '../../lib/balancing/slow-start.js'
import { Target, type TargetConfig } from '../../lib/balancing/target.js'
import { defaultsOf } from '../../lib/options.js'
import { FakeClock } from './clock.js'

export const defaultRules: EjectionRules = defaultsOf(ejectionOptions)
export const defaultSlowStart: SlowStart = defaultsOf(slowStartOptions)

export function configOf (id: string, config: Partial<TargetConfig> = {}): TargetConfig {
  return { id, url: `http://${id}`, weight: 1, tier: 0, tags: {}, maxRequests: Infinity, ...config }
}

/** Targets as policies get them: `a`, `b`, `c` and so on (`t26`, … beyond `z`), with these weights. */
export function targetsOf (...weights: number[]): Target[] {
  return weights.map((weight, index) => {
    const id = index < 26 ? String.fromCharCode(97 + index) : `t${index}`
    const target = new Target(configOf(id, { weight }), 'unchecked', new Ejection(defaultRules, 0))
    target.index = index
    return target
  })
}

/** A target has this many requests in flight from now on, and policies hear of it. */
export function load (target: Target, inFlight: number, ...policies: Policy[]): void {
  target.inFlight = inFlight
  for (const policy of policies) policy.loaded?.(target)
}

/** What policies are made with. What is put off is done at once, unless `later` says otherwise. */
export function toolsOf (random: () => number, { now = () => 0, later = run => { run() }, ask = () => {} }: Partial<Omit<PolicyTools, 'random'>> = {}): PolicyTools {
  return { random, now, later, ask }
}

export interface CoreOptions extends Partial<Omit<BalancerOptions, 'policy' | 'ejection' | 'slowStart' | 'clock' | 'notify'>> {
  policy?: PolicyName | BalancerOptions['policy']
  ejection?: Partial<EjectionRules> | false
  slowStart?: Partial<SlowStart> | false
}

export class Core {
  readonly clock = new FakeClock()
  /** What was told, as `ejected a: the reason`. */
  readonly events: string[] = []
  readonly balancer: Balancer

  /** @param targets by id; the policy is round robin from the first target on, unless something else is said */
  constructor (targets: Record<string, Partial<TargetConfig>>, { policy = 'round-robin', ejection = {}, slowStart = false, ...options }: CoreOptions = {}) {
    this.balancer = new Balancer({
      policy: typeof policy === 'string' ? policies[policy] : policy,
      ejection: ejection === false ? false : { ...defaultRules, ...ejection },
      slowStart: slowStart === false ? false : { ...defaultSlowStart, ...slowStart },
      initialHealth: 'unchecked',
      opened: () => {},
      ask: () => {},
      fault: error => { throw error },
      spill: 'gradual',
      panic: 'fail-open',
      panicThreshold: 0,
      random: () => 0,
      ...options,
      clock: this.clock,
      notify: (event, target, reason) => { this.events.push(`${event} ${target.id}${reason === undefined ? '' : `: ${reason}`}`) }
    })
    this.balancer.replace(Object.entries(targets).map(([id, config]) => configOf(id, config)))
    this.events.length = 0
  }

  target (id: string): Target {
    return this.balancer.byId.get(id)!
  }

  /** The ids of `times` picks, or the refusals. Nothing is begun. */
  picks (times: number, context?: PickContext): string {
    return Array.from({ length: times }, () => idOf(this.balancer.pick(context))).join(' ')
  }

  begin (id: string): Lease {
    return this.balancer.begin(this.target(id))
  }

  /** A whole attempt at a target, as often as that. */
  attempt (id: string, outcome: Outcome, { times = 1, ...more }: Partial<Settlement> & { times?: number } = {}): void {
    for (let i = 0; i < times; i++) this.begin(id).end({ outcome, durationMs: 1, ...more })
  }

  /** Makes its traffic fail until it is ejected. */
  eject (...ids: string[]): void {
    for (const id of ids) this.attempt(id, 'connect-failure', { times: defaultRules.consecutiveFailures })
  }

  standings (): string {
    return this.balancer.all.map(target => `${target.id} ${target.ejection.standing}`).join(', ')
  }
}

export function idOf (picked: Target | Refusal): string {
  return typeof picked === 'string' ? picked : picked.id
}

/** How often each id came, in their order. */
export function tally (ids: Iterable<string>): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const id of [...ids].sort()) counts[id] = (counts[id] ?? 0) + 1
  return counts
}
