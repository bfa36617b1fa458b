/**
 * One prober for each target: every gateway knows who else is there, and the one whose draw for a target is highest probes it (rendezvous hashing,
 * Thaler and Ravishankar 1996), so that they agree without asking each other. Each result is told to all.
 */
import { hash32, mix } from '../balancing/policies/hash/hashing.js'
import type { Timer } from '../balancing/clock.js'
import type { FoundElsewhere, ProbeDivision } from '../health/division.js'
import type { Sharing } from './sharing.js'

/** Milliseconds from one sign of life to the next. */
const BEAT = 2_000
/** Whoever has given none for so long is gone. */
const GONE = 3 * BEAT
/** Characters of a reason that are passed on, and taken. */
const LONGEST_REASON = 200

interface Member { seenAt: number, upstreams: ReadonlySet<string>, hash: number }

export class ProbeDuty {
  readonly #sharing: Sharing
  readonly #own: number
  readonly #members = new Map<string, Member>()
  readonly #upstreams = new Set<string>()
  #timer: Timer

  constructor (sharing: Sharing) {
    this.#sharing = sharing
    this.#own = hash32(sharing.gateway)
    sharing.on('alive', (upstreams, gateway) => { this.#seen(gateway, upstreams) })
    sharing.on('gone', (_nothing, gateway) => { this.#members.delete(gateway) })
    sharing.onReturn('alive', () => { this.#sayAlive() })
  }

  /** The part of this gateway in the probes of one upstream. */
  divide (upstream: string): ProbeDivision {
    this.#upstreams.add(upstream)
    if (this.#timer === undefined) this.#beat()
    else this.#sayAlive()
    return {
      isOurs: target => this.#isOurs(upstream, target),
      tell: (target, { passed, reason }, durationMs) => {
        this.#sharing.say(`probes/${upstream}`, { target, passed, reason: reason.slice(0, LONGEST_REASON), durationMs })
      },
      listen: heard => {
        this.#sharing.on(`probes/${upstream}`, said => {
          const { target, passed, reason, durationMs } = (said ?? {}) as Partial<FoundElsewhere>
          if (typeof target !== 'string' || typeof passed !== 'boolean' || typeof reason !== 'string' || typeof durationMs !== 'number') return
          heard({ target, passed, reason: reason.slice(0, LONGEST_REASON), durationMs })
        })
      },
      end: () => {
        this.#upstreams.delete(upstream)
        this.#sayAlive()
      }
    }
  }

  close (): void {
    this.#sharing.waiting.clock.cancel(this.#timer)
    if (this.#timer !== undefined) this.#sharing.say('gone', null)
  }

  /** Without the store nobody knows who else is there. */
  #isOurs (upstream: string, target: string): boolean {
    if (!this.#sharing.link.up) return true
    const key = hash32(`${upstream}/${target}`)
    const own = mix(this.#own ^ key)
    const alive = this.#sharing.waiting.clock.now() - GONE
    for (const { seenAt, upstreams, hash } of this.#members.values()) {
      if (seenAt > alive && upstreams.has(upstream) && mix(hash ^ key) > own) return false
    }
    return true
  }

  readonly #beat = (): void => {
    this.#sayAlive()
    const before = this.#sharing.waiting.clock.now() - GONE
    for (const [gateway, { seenAt }] of this.#members) if (seenAt <= before) this.#members.delete(gateway)
    this.#timer = this.#sharing.waiting.clock.after(BEAT, this.#beat, undefined)
  }

  #sayAlive (): void {
    this.#sharing.say('alive', [...this.#upstreams])
  }

  #seen (gateway: string, upstreams: unknown): void {
    if (!Array.isArray(upstreams)) return
    const isNew = !this.#members.has(gateway)
    this.#members.set(gateway, { seenAt: this.#sharing.waiting.clock.now(), upstreams: new Set(upstreams as string[]), hash: hash32(gateway) })
    // It need not wait for the next sign of life to know that we are here.
    if (isNew) this.#sayAlive()
  }
}
