/** Connections to the targets of one upstream: made when they are first needed, ended when a target goes, or goes into maintenance. */
import type { Clock, Timer } from '../balancing/clock.js'
import type { Target } from '../balancing/target.js'
import type { Asker } from './asker.js'
import { TargetGoneError } from './failure.js'
import { TargetPool } from './pool.js'
import type { EngineTargetConfig } from './target-options.js'
import type { EngineSettings } from './upstream-options.js'

/** A target that was taken out and has requests in flight. */
interface Leaving {
  /** Ends the wait: nothing is in flight any more, or time is up. */
  drained: () => void
  /** Resolved when nothing of it is left. */
  gone: Promise<void>
}

export class Pools {
  readonly #settings: EngineSettings
  readonly #clock: Clock
  readonly #asker: Asker
  readonly #pools = new Map<Target, TargetPool>()
  readonly #leaving = new Map<Target, Leaving>()
  /** When the tunnels of targets in maintenance end. */
  readonly #tunnelsEnd = new Map<Target, Timer>()

  constructor (settings: EngineSettings, clock: Clock, asker: Asker) {
    this.#settings = settings
    this.#clock = clock
    this.#asker = asker
  }

  /** Targets that were taken out and have not ended yet. */
  get leaving (): Iterable<Target> { return this.#leaving.keys() }

  of (target: Target): TargetPool {
    let pool = this.#pools.get(target)
    if (pool === undefined) this.#pools.set(target, pool = this.#poolFor(target))
    return pool
  }

  /** Open connections to a target, upgraded ones included. */
  sizeOf (target: Target): number {
    return this.#pools.get(target)?.size ?? 0
  }

  /** Other connections from now on; what is in flight ends on those it has. */
  renew (target: Target): void {
    void this.#asker.hangUp(target)
    const pool = this.#pools.get(target)
    if (pool === undefined) return
    this.#pools.set(target, this.#poolFor(target, pool))
  }

  #poolFor (target: Target, before?: TargetPool): TargetPool {
    return new TargetPool(target.config as EngineTargetConfig, this.#settings.pool, this.#settings.timeouts.connect, before)
  }

  /** Requests in flight end by themselves. Tunnels may not for days: a target that goes into maintenance is rid of them after `drainMs`. */
  endTunnels (target: Target, drainMs: number): void {
    this.#clock.cancel(this.#tunnelsEnd.get(target))
    this.#tunnelsEnd.delete(target)
    if (target.state !== 'maintenance' || target.inFlight === 0) return
    this.#tunnelsEnd.set(target, this.#clock.after(drainMs, () => {
      this.#tunnelsEnd.delete(target)
      void this.#pools.get(target)?.cutUpgraded()
    }, undefined))
  }

  /** Nothing is in flight to a target: if it was taken out, its connections end now. */
  idle (target: Target): void {
    if (this.#leaving.size > 0) this.#leaving.get(target)?.drained()
  }

  /** Waits until nothing is in flight to a target that was taken out, `drainMs` at most, then ends its connections. */
  drain (target: Target, drainMs: number): Promise<void> {
    let leaving = this.#leaving.get(target)
    if (leaving === undefined) this.#leaving.set(target, leaving = this.#leave(target))
    if (target.inFlight === 0) {
      leaving.drained()
      return leaving.gone
    }
    const timer = this.#clock.after(drainMs, leaving.drained, undefined)
    return leaving.gone.finally(() => this.#clock.cancel(timer))
  }

  #leave (target: Target): Leaving {
    let drained!: () => void
    const empty = new Promise<void>(resolve => { drained = resolve })
    return { drained, gone: empty.then(() => this.#cut(target)) }
  }

  async #cut (target: Target): Promise<void> {
    const pool = this.#pools.get(target)
    this.#pools.delete(target)
    this.#clock.cancel(this.#tunnelsEnd.get(target))
    this.#tunnelsEnd.delete(target)
    await Promise.all([pool?.destroy(new TargetGoneError()), this.#asker.hangUp(target)])
    this.#leaving.delete(target)
  }
}
