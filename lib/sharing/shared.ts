/** What a server has in common with others, as its upstreams use it. */
import type { SessionStore } from '../balancing/sessions.js'
import type { Log } from '../engine/log.js'
import { systemClock } from '../engine/clock.js'
import type { Upstream } from '../engine/upstream.js'
import type { ProbeDivision } from '../health/division.js'
import type { SharedSnapshot } from './link.js'
import { ProbeDuty } from './probe-duty.js'
import { SharedSessions, type SharedSessionsOptions } from './sessions.js'
import { Sharing } from './sharing.js'
import type { SharedSettings } from './store.js'

export class Shared {
  /** For cookies that have no secret of their own; undefined where there is none. */
  readonly commonSecret: string | undefined
  readonly #sharing: Sharing
  readonly #duty: ProbeDuty | undefined

  private constructor (sharing: Sharing, duty: ProbeDuty | undefined, commonSecret: string | undefined) {
    this.#sharing = sharing
    this.#duty = duty
    this.commonSecret = commonSecret
  }

  /** Resolved at once, or when the store has said what the common secret is. */
  static async begin (settings: SharedSettings, log: Log): Promise<Shared> {
    const sharing = new Sharing(settings, { clock: systemClock, random: Math.random, log })
    const duty = settings.probes === 'one' ? new ProbeDuty(sharing) : undefined
    sharing.open()
    return new Shared(sharing, duty, await sharing.secret())
  }

  get begun (): Promise<void> { return this.#sharing.begun }

  watch (upstream: Upstream): void { this.#sharing.watch(upstream) }

  forget (upstream: Upstream): void { this.#sharing.forget(upstream) }

  sessions (upstream: string, options: SharedSessionsOptions): SessionStore {
    return new SharedSessions(this.#sharing, upstream, options)
  }

  /** Undefined where each gateway probes for itself. */
  divide (upstream: string): ProbeDivision | undefined {
    return this.#duty?.divide(upstream)
  }

  snapshot (): SharedSnapshot { return this.#sharing.snapshot() }

  close (): void {
    this.#duty?.close()
    this.#sharing.close()
  }
}
