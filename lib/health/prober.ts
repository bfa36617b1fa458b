/**
 * Active health of one upstream: probes each of its targets in turn and tells the balancer when `rise` or `fall` results in a row agree. The first
 * result alone decides a new target, and one that comes back from maintenance, which is probed at once.
 */
import type { Timer } from '../balancing/clock.js'
import type { Target } from '../balancing/target.js'
import type { EngineTargetConfig } from '../engine/target-options.js'
import type { Upstream } from '../engine/upstream.js'
import type { FoundElsewhere, ProbeDivision } from './division.js'
import { probe, type ProbeResult, type RunningProbe } from './probe.js'
import type { ProbeSettings } from './probe-options.js'

/** First probes that may be under way at once: a pool of 1,000 targets is not to be dialled in one go. */
const FIRST_ROUND_WIDTH = 64
/** And that may begin in one turn of the event loop: requests wait for the turn's end. */
const BEGIN_AT_ONCE = 4

interface Watch {
  readonly target: Target
  /** Results in a row that disagree with the present health. */
  streak: number
  timer: Timer
  running: RunningProbe | undefined
  last: LastProbe | undefined
  /** It is in maintenance. */
  away: boolean
}

/** What became of a target's last probe. */
export interface LastProbe extends ProbeResult {
  /** When it ended, in milliseconds since the epoch. */
  at: number
  /** Milliseconds that it took. */
  durationMs: number
}

export class Prober {
  readonly #upstream: Upstream
  readonly #settings: ProbeSettings
  readonly #division: ProbeDivision | undefined
  readonly #watches = new Map<string, Watch>()
  /** New targets whose first probe waits for its turn. */
  readonly #waiting = new Set<() => void>()
  /** First probes under way. */
  #firstProbes = 0
  /** The next of those that wait begin in the next turn of the event loop. */
  #beginning = false
  /** First probes under way, and those that wait for their turn, as promises. */
  readonly #unsettled = new Set<Promise<void>>()
  readonly #onAdded = ({ target }: { target: string }): void => { this.#begin(target) }
  readonly #onChanged = ({ target }: { target: string }): void => { this.#follow(target) }
  readonly #onRemoved = ({ target }: { target: string }): void => { this.#end(target) }

  /** `division`: other gateways probe the same targets. Each probes a new one once. */
  constructor (upstream: Upstream, settings: ProbeSettings, division?: ProbeDivision) {
    this.#upstream = upstream
    this.#settings = settings
    this.#division = division
    division?.listen(found => { this.#hear(found) })
  }

  /** Starts probing, now and whenever a target is added. Resolved as `settled` is. */
  start (): Promise<void> {
    this.#upstream.on('target:added', this.#onAdded)
    this.#upstream.on('target:changed', this.#onChanged)
    this.#upstream.on('target:removed', this.#onRemoved)
    for (const id of this.#upstream.targets.keys()) this.#begin(id)
    return this.settled()
  }

  /**
   * Resolved when each target that is there now has been probed once, and after `timeout` at the latest: a large pool that does not answer takes
   * several rounds.
   */
  async settled (): Promise<void> {
    const { clock } = this.#upstream
    let timer: Timer
    const late = new Promise<void>(resolve => { timer = clock.after(this.#settings.timeout, resolve, undefined) })
    await Promise.race([Promise.all(this.#unsettled), late])
    clock.cancel(timer)
  }

  /** The last probe of the target with this id; undefined before its first has ended. */
  lastOf (id: string): LastProbe | undefined {
    return this.#watches.get(id)?.last
  }

  close (): void {
    this.#upstream.off('target:added', this.#onAdded)
    this.#upstream.off('target:changed', this.#onChanged)
    this.#upstream.off('target:removed', this.#onRemoved)
    for (const id of [...this.#watches.keys()]) this.#end(id)
    this.#division?.end()
  }

  #begin (id: string): void {
    const target = this.#upstream.balancer.byId.get(id)
    // A listener that has heard of it first may have taken it out.
    if (target === undefined) return
    const watch: Watch = { target, streak: 0, timer: undefined, running: undefined, last: undefined, away: target.state === 'maintenance' }
    this.#watches.set(id, watch)
    const first = this.#probeFirst(watch).finally(() => { this.#unsettled.delete(first) })
    this.#unsettled.add(first)
  }

  async #probeFirst (watch: Watch): Promise<void> {
    await new Promise<void>(resolve => {
      this.#waiting.add(resolve)
      this.#letBegin()
    })
    await this.#probe(watch, true)
    this.#firstProbes--
    this.#letBegin()
  }

  #letBegin (): void {
    if (this.#beginning || this.#waiting.size === 0 || this.#firstProbes === FIRST_ROUND_WIDTH) return
    this.#beginning = true
    setImmediate(() => {
      this.#beginning = false
      const width = Math.min(this.#firstProbes + BEGIN_AT_ONCE, FIRST_ROUND_WIDTH)
      for (const begin of this.#waiting) {
        if (this.#firstProbes === width) break
        this.#firstProbes++
        this.#waiting.delete(begin)
        begin()
      }
      this.#letBegin()
    })
  }

  #follow (id: string): void {
    const watch = this.#watches.get(id)
    if (watch === undefined) return
    const wasAway = watch.away
    watch.away = watch.target.state === 'maintenance'
    if (wasAway && !watch.away) this.#returned(watch)
  }

  /** What was found before its maintenance no longer holds: it may have been restarted, or may still be down. */
  #returned (watch: Watch): void {
    this.#upstream.balancer.setPending(watch.target)
    // Its first probe still waits for its turn, or one is under way.
    if (watch.last === undefined || watch.running !== undefined) return
    this.#upstream.clock.cancel(watch.timer)
    void this.#probe(watch, false)
  }

  #end (id: string): void {
    const watch = this.#watches.get(id)
    if (watch === undefined) return
    this.#watches.delete(id)
    this.#upstream.clock.cancel(watch.timer)
    watch.running?.stop('the target was removed')
  }

  #isWatched (watch: Watch): boolean {
    return this.#watches.get(watch.target.id) === watch
  }

  async #probe (watch: Watch, first: boolean): Promise<void> {
    if (!this.#isWatched(watch)) return
    const { clock } = this.#upstream
    const config = watch.target.config as EngineTargetConfig
    const startedAt = clock.now()
    const { pool } = this.#upstream.settings
    const running = probe(config, this.#settings, { ...pool.tls, ...config.tls }, pool.http2)
    watch.running = running
    const timer = clock.after(this.#settings.timeout, () => { running.stop(`no answer within ${this.#settings.timeout} ms`) }, undefined)
    const result = await running.result
    clock.cancel(timer)
    watch.running = undefined
    if (!this.#isWatched(watch)) return
    watch.last = { ...result, at: clock.now(), durationMs: clock.now() - startedAt }
    this.#division?.tell(watch.target.id, result, watch.last.durationMs)
    this.#judge(watch, result)
    // Whoever hears of the verdict may take the target out.
    if (!this.#isWatched(watch)) return
    // The second probes are spread over the whole interval, and so are all that follow.
    this.#wait(watch, this.#pause(watch.target) * (first ? this.#upstream.random() : 1))
  }

  #wait (watch: Watch, pause: number): void {
    watch.timer = this.#upstream.clock.after(pause, () => {
      if (this.#isForOthers(watch)) this.#wait(watch, this.#pause(watch.target))
      else void this.#probe(watch, false)
    }, undefined)
  }

  /** Another gateway probes it, and has told so within two intervals. */
  #isForOthers ({ target, last }: Watch): boolean {
    if (this.#division === undefined || this.#division.isOurs(target.id)) return false
    return this.#upstream.clock.now() - last!.at < 2 * this.#interval(target)
  }

  /** What another gateway has found counts as what is found here. While a probe of our own is under way, that counts. */
  #hear ({ target: id, passed, reason, durationMs }: FoundElsewhere): void {
    const watch = this.#watches.get(id)
    if (watch === undefined || watch.running !== undefined) return
    watch.last = { passed, reason, at: this.#upstream.clock.now(), durationMs }
    this.#judge(watch, { passed, reason })
  }

  #judge (watch: Watch, { passed, reason }: ProbeResult): void {
    const { target } = watch
    // An operator's maintenance is no time for verdicts, and what was in a row before it no longer is.
    if (target.state === 'maintenance') {
      watch.streak = 0
      return
    }
    const health = passed ? 'healthy' : 'unhealthy'
    const decided = target.health === 'healthy' || target.health === 'unhealthy'
    if (decided && target.health !== health && ++watch.streak < (passed ? this.#settings.rise : this.#settings.fall)) return
    watch.streak = 0
    this.#upstream.balancer.setHealth(target, health, reason)
  }

  #pause (target: Target): number {
    return this.#interval(target) * (1 + this.#settings.jitter * (2 * this.#upstream.random() - 1))
  }

  #interval ({ health }: Target): number {
    const { interval, unhealthyInterval } = this.#settings
    return health === 'unhealthy' ? unhealthyInterval ?? interval : interval
  }
}
