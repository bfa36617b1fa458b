/** What holds whatever happens, in whatever order: random sequences of events against rules that are written down once more here. */
import fc from 'fast-check'
import t from 'tap'
import type { Refusal } from '../../lib/balancing/picker.js'
import type { Lease } from '../../lib/balancing/lease.js'
import type { Outcome } from '../../lib/balancing/outcome.js'
import { policies, type PolicyName } from '../../lib/balancing/policies/index.js'
import type { PickContext } from '../../lib/balancing/policy.js'
import type { Target, TargetConfig, TargetState } from '../../lib/balancing/target.js'
import { seededRandom } from '../helpers/clock.js'
import { configOf, Core, type CoreOptions } from '../helpers/core.js'

// ---- events -----------------------------------------------------------------------------------------------------------

const IDS = ['a', 'b', 'c', 'd', 'e', 'f']
const outcomes: Outcome[] = ['success', 'bad-status', 'connect-failure', 'timeout', 'reset', 'malformed', 'client-aborted', 'client-fault', 'abandoned']

const id = fc.constantFrom(...IDS)
const weight = fc.constantFrom(0, 1, 1, 1, 2, 5)
const tier = fc.constantFrom(0, 0, 0, 1)
const tags = fc.constantFrom<Record<string, string>>({}, {}, { zone: 'x' }, { zone: 'y' })
const maxRequests = fc.constantFrom(1, 2, Infinity, Infinity)

const config = fc.record({ id, weight, tier, tags, maxRequests })
  .map(({ id, ...more }) => configOf(id, more))

const configs = fc.uniqueArray(config, { selector: ({ id }) => id, minLength: 1, maxLength: IDS.length })

const context = fc.record<PickContext>({
  affinity: id,
  affinityRequired: fc.boolean(),
  tags: fc.constantFrom<Record<string, string>>({ zone: 'x' }, { zone: 'y' }),
  tried: fc.subarray(IDS),
  hashKey: fc.constantFrom('one', 'two', 'three')
}, { requiredKeys: [] })

type Event =
  | { type: 'add', config: TargetConfig }
  | { type: 'remove', id: string }
  | { type: 'update', id: string, weight?: number, state?: TargetState, tier?: number }
  | { type: 'replace', configs: TargetConfig[], moved: boolean }
  | { type: 'probe', id: string, health: 'healthy' | 'unhealthy' }
  | { type: 'request', context: PickContext }
  | { type: 'answered', which: number }
  | { type: 'end', which: number, outcome: Outcome, blameless: boolean }
  | { type: 'fail', id: string, outcome: Outcome }
  | { type: 'wait', ms: number }

const which = fc.nat(20)
const event = fc.oneof<Array<fc.WeightedArbitrary<Event>>>(
  { weight: 2, arbitrary: config.map(config => ({ type: 'add', config })) },
  { weight: 1, arbitrary: id.map(id => ({ type: 'remove', id })) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('update'), id, weight, tier, state: fc.constantFrom<TargetState>('ready', 'ready', 'drain', 'maintenance') }, { requiredKeys: ['type', 'id'] }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('replace'), configs, moved: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('probe'), id, health: fc.constantFrom('healthy', 'unhealthy') }) },
  { weight: 10, arbitrary: context.map(context => ({ type: 'request', context })) },
  { weight: 5, arbitrary: fc.constant({ type: 'request', context: {} }) },
  { weight: 2, arbitrary: which.map(which => ({ type: 'answered', which })) },
  { weight: 10, arbitrary: fc.record({ type: fc.constant('end'), which, outcome: fc.constantFrom(...outcomes), blameless: fc.constantFrom(false, false, false, true) }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('fail'), id, outcome: fc.constantFrom<Outcome>('connect-failure', 'connect-failure', 'timeout') }) },
  { weight: 3, arbitrary: fc.constantFrom(1, 500, 10_000, 60_000).map(ms => ({ type: 'wait', ms })) }
) as fc.Arbitrary<Event>

const options = fc.record({
  policy: fc.constantFrom(...Object.keys(policies) as PolicyName[]),
  spill: fc.constantFrom('gradual', 'hard'),
  panic: fc.constantFrom('fail-open', 'fail-open', 'fail-closed'),
  panicThreshold: fc.constantFrom(0, 0, 0.5),
  initialHealth: fc.constantFrom('unchecked', 'healthy', 'pending'),
  slowStart: fc.constantFrom(false as const, { window: 20_000 }),
  ejection: fc.record({
    consecutiveFailures: fc.constantFrom(1, 2, 5),
    minimumRequests: fc.constantFrom(2, 20),
    maxEjected: fc.constantFrom(0, 0.5, 1),
    restoredByProbe: fc.boolean()
  }),
  seed: fc.nat()
}) satisfies fc.Arbitrary<CoreOptions & { seed: number }>

type Options = typeof options extends fc.Arbitrary<infer T> ? T : never

// ---- the run ----------------------------------------------------------------------------------------------------------

class Run {
  readonly core: Core
  readonly open: Lease[] = []
  /** Everybody there ever was. */
  readonly known = new Set<Target>()
  readonly #options: Options

  constructor (configs: TargetConfig[], options: Options) {
    this.core = new Core({}, { ...options, random: seededRandom(options.seed) })
    this.core.balancer.replace(configs)
    this.#options = options
    this.check()
  }

  do (event: Event): void {
    const { balancer, clock } = this.core
    const target = 'id' in event ? balancer.byId.get(event.id) : undefined
    switch (event.type) {
      case 'add':
        if (!balancer.byId.has(event.config.id)) balancer.add(event.config)
        break
      case 'remove':
        if (target !== undefined) balancer.remove(target)
        break
      case 'update':
        if (target !== undefined) balancer.update(target, event)
        break
      case 'replace':
        balancer.replace(event.configs.map(config => event.moved ? { ...config, url: `${config.url}:81` } : config))
        break
      case 'probe':
        if (target !== undefined) balancer.setHealth(target, event.health)
        break
      case 'request':
        this.request(event.context)
        break
      case 'answered':
        this.leaveSome(() => { this.open[event.which % this.open.length]?.answered() })
        break
      case 'end': {
        const [lease] = this.open.splice(event.which % Math.max(1, this.open.length), 1)
        this.leaveSome(() => {
          lease?.end({ outcome: event.outcome, status: 503, blameless: event.blameless, durationMs: 1 })
          lease?.end({ outcome: 'connect-failure', durationMs: 1 })
        })
        break
      }
      case 'fail':
        if (target === undefined || target.full) break
        // As many as will eject, if that is allowed.
        for (let i = 0; i < 5; i++) this.leaveSome(() => { balancer.begin(target).end({ outcome: event.outcome, durationMs: 1 }) })
        break
      case 'wait':
        clock.advance(event.ms)
    }
    this.check()
  }

  /** An attempt's end may eject, but neither the last one in nor more than may be. */
  leaveSome (run: () => void): void {
    const { balancer, events } = this.core
    const before = this.#in().length
    const toldBefore = events.length
    run()
    if (before > 0 && this.#in().length === 0) throw new Error('the last one in was ejected')
    const ejected = events.slice(toldBefore).filter(event => event.startsWith('ejected') && !event.includes('trial'))
    if (ejected.length > 0) {
      const out = balancer.all.filter(({ ejection }) => ejection.standing !== 'in')
      const reachable = out.filter(({ ejection }) => !ejection.unreachable).length
      const { maxEjected } = this.#options.ejection
      const last = balancer.byId.get(ejected[0]!.slice(8, 9))!
      if (!last.ejection.unreachable && reachable > Math.max(1, maxEjected * balancer.all.length)) throw new Error(`${reachable} are out`)
    }
  }

  #in (): Target[] {
    return this.core.balancer.all.filter(target => target.eligible && target.ejection.standing === 'in')
  }

  request (context: PickContext): void {
    const picked = this.core.balancer.pick(context)
    const fault = this.#faultOf(picked, context)
    if (fault !== undefined) throw new Error(`${typeof picked === 'string' ? picked : picked.id}: ${fault}`)
    if (typeof picked !== 'string') this.open.push(this.core.balancer.begin(picked))
  }

  /** The rules of picking, in the order of what they are about. */
  #faultOf (picked: Target | Refusal, context: PickContext): string | undefined {
    const { all, panic, byId } = this.core.balancer
    const failClosed = this.#options.panic === 'fail-closed'
    const asked = (target: Target) => context.tried?.includes(target.id) !== true &&
      Object.entries(context.tags ?? {}).every(([name, value]) => target.tags[name] === value)
    const own = context.affinity === undefined ? undefined : byId.get(context.affinity)
    const isOwn = own !== undefined && asked(own) && (own.holds || (panic && own.lastResort))
    const able = all.filter(target => asked(target) && target.eligible)

    if (typeof picked === 'object') {
      if (!all.includes(picked)) return 'is not there'
      if (!asked(picked)) return 'is not what was asked for'
      if (picked.full) return 'is full'
      if (picked === own && isOwn) return undefined
      if (context.affinityRequired === true && context.affinity !== undefined) return 'no other will do'
      if (!picked.lastResort) return 'takes nobody new'
      if (picked.eligible || (panic && !failClosed)) return undefined
      if (failClosed) return 'is not well'
      if (picked.health === 'pending') return 'was not probed yet'
      return able.length === 0 ? undefined : 'is not well, and others are'
    }

    if (picked === 'affinity-lost') {
      if (context.affinityRequired !== true) return 'another would do'
      return own !== undefined && asked(own) && own.holds ? 'its target is there' : undefined
    }
    const mayHave = context.affinityRequired === true && context.affinity !== undefined ? all.filter(target => target === own && isOwn) : able
    if (picked === 'full') {
      if (!all.some(target => asked(target) && target.full)) return 'nobody is full'
      // Failing closed, tiers below the threshold take nobody, however well some there are.
      return mayHave.some(target => !target.full) && !panic ? 'somebody has a slot left' : undefined
    }
    if (mayHave.length > 0 && !(panic && failClosed)) return 'somebody may take it'
    return !failClosed && all.some(target => asked(target) && target.lastResort && target.health !== 'pending') ? 'nobody else is left' : undefined
  }

  check (): void {
    const { core: { balancer, clock }, open, known } = this
    const { all, byId } = balancer
    for (const target of all) known.add(target)
    if (new Set(all.map(({ id }) => id)).size !== all.length) throw new Error('two targets have one id')
    if (byId.size !== all.length || all.some((target, i) => byId.get(target.id) !== target || target.index !== i)) throw new Error('the index is wrong')
    for (const target of known) {
      const held = open.filter(lease => lease.target === target).length
      if (target.inFlight !== held) throw new Error(`${target.id} has ${target.inFlight} in flight instead of ${held}`)
      if (!byId.has(target.id) && target.ejection.standing === 'out') continue
      if (!(target.effectiveWeight <= target.weight || target.warmingSince !== undefined)) throw new Error(`${target.id} has more than its weight`)
    }
    const out = all.filter(({ ejection }) => ejection.standing === 'out').length
    const tried = all.filter(({ ejection }) => ejection.standing === 'trial' && ejection.trying).length
    if (clock.pending !== out + tried) throw new Error(`${clock.pending} timers for ${out} ejections and ${tried} trials`)
    for (const target of all) {
      if (target.ejection.standing === 'trial' && target.ejection.trying && !open.some(lease => lease.target === target)) throw new Error(`nobody tries ${target.id}`)
    }
  }

  /** All requests end; then nothing is left of them. */
  finish (): void {
    const { balancer, clock } = this.core
    for (const lease of this.open.splice(0)) lease.end({ outcome: 'success', durationMs: 1 })
    this.check()

    // With everybody well and ready, all slots are there and no more than that.
    clock.advance(400_000)
    for (const target of balancer.all) {
      balancer.update(target, { state: 'ready', weight: 1, tier: 0 })
      balancer.setHealth(target, 'healthy')
      balancer.begin(target).end({ outcome: 'success', durationMs: 1 })
    }
    balancer.replace(balancer.all.map(({ config }) => ({ ...config, maxRequests: 2 })))
    const leases: Lease[] = []
    for (let picked = balancer.pick(); typeof picked !== 'string'; picked = balancer.pick()) leases.push(balancer.begin(picked))
    if (leases.length !== 2 * balancer.all.length) throw new Error(`${leases.length} slots for ${balancer.all.length} targets`)
    if (leases.length > 0) {
      if (balancer.pick() !== 'full') throw new Error('all slots are taken, and it does not say so')
      const lease = leases.pop()!
      lease.end({ outcome: 'success', durationMs: 1 })
      if (balancer.pick() !== lease.target) throw new Error('the slot that is free is not found')
    }
    for (const lease of leases) lease.end({ outcome: 'success', durationMs: 1 })
    balancer.replace([])
    this.open.length = 0
    this.check()
    if ([...this.known].some(({ inFlight }) => inFlight !== 0)) throw new Error('somebody still has a request in flight')
  }
}

t.test('Whatever happens: only who may be picked is, slots are all given back, ids are unique, somebody stays in', async () => {
  fc.assert(fc.property(configs, options, fc.array(event, { minLength: 10, maxLength: 80, size: 'max' }), (configs, options, events) => {
    const run = new Run(configs, options)
    for (const event of events) run.do(event)
    run.finish()
  }), { numRuns: 400, seed: 20, includeErrorInReport: true })
})
