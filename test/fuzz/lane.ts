/** One upstream with two targets, on which cases run one after the other. A case leaves nothing behind, or it has failed. */
import type { Upstream, UpstreamOptions } from '../../lib/index.js'
import { inFlight } from '../helpers/upstreams.js'
import { Chance } from './chance.js'
import { visit } from './client.js'
import type { HarmfulTarget } from './target.js'

/** Milliseconds after which what is still held counts as lost. The gateway's own deadlines are a fraction of that. */
const SETTLE = 5_000

const COMMON: UpstreamOptions = {
  timeouts: { connect: 300, headers: 150, body: 150, total: 600 },
  health: { passive: false },
  pool: { keepAliveTimeout: 200 }
}

/** Settings that take different ways through the engine. */
export const KINDS: UpstreamOptions[] = [
  { retry: false },
  { retry: { attempts: 3, backoff: { base: 1, max: 5 }, nonIdempotent: true } },
  { retry: { hedge: { after: 5 } } },
  { retry: false, pool: { connections: 1 }, limits: { maxRequests: 1, queue: { size: 10, timeout: 300 } } },
  { pool: { connections: 2 }, affinity: { cookie: { secret: 'sixteen or more characters' } }, headers: { cookiePath: true, forwarded: 'rfc7239' } }
].map(kind => ({ ...COMMON, ...kind, pool: { ...COMMON.pool, ...(kind as UpstreamOptions).pool } }) as UpstreamOptions)

export class Lane {
  readonly #upstream: Upstream
  readonly #targets: HarmfulTarget[]
  readonly #port: number
  readonly #step: number
  #next: number
  /** The case that is running. */
  running = -1

  constructor (upstream: Upstream, targets: HarmfulTarget[], port: number, { first, step }: { first: number, step: number }) {
    this.#next = first
    this.#step = step
    this.#upstream = upstream
    this.#targets = targets
    this.#port = port
  }

  /** The number of its next case. */
  next (): number {
    const number = this.#next
    this.#next += this.#step
    return number
  }

  /** Returns what is wrong afterwards; undefined for nothing. */
  async play (seed: number, number: number): Promise<string | undefined> {
    this.running = number
    const chance = new Chance(seed * 1_000_003 + number)
    for (const target of this.#targets) target.become(chance.of('target'))
    const visits = Array.from({ length: chance.number(1, 3) }, () => visit(this.#port, chance.of('client')))
    await Promise.all(visits)
    const wrong = await this.#settled(() => this.#held()) ?? await this.#settled(async () => await this.#asks()) ?? await this.#hungUp()
    return wrong === undefined ? undefined : [wrong, ...chance.notes].join('\n    ')
  }

  async #hungUp (): Promise<string | undefined> {
    for (const target of this.#targets) target.hangUp()
    return await this.#settled(() => {
      const open = this.#upstream.balancer.all.reduce((sum, target) => sum + this.#upstream.connectionsOf(target), 0)
      return open === 0 ? undefined : `${open} connections to targets that have ended`
    })
  }

  #held (): string | undefined {
    const { queued } = this.#upstream.snapshot()
    const held = inFlight(this.#upstream)
    return held + queued === 0 ? undefined : `${held} in flight, ${queued} queued`
  }

  async #asks (): Promise<string | undefined> {
    try {
      const response = await fetch(`http://127.0.0.1:${this.#port}/well`, { signal: AbortSignal.timeout(SETTLE) })
      const text = await response.text()
      return text === 'well' ? undefined : `a fresh request got ${response.status} ${text}`
    } catch (error) {
      return `a fresh request got ${String(error)}`
    }
  }

  /** Asks again until nothing is wrong, or time is up. */
  async #settled (wrong: () => string | undefined | Promise<string | undefined>): Promise<string | undefined> {
    const end = performance.now() + SETTLE
    while (true) {
      const what = await wrong()
      if (what === undefined || performance.now() > end) return what
      await new Promise(resolve => setTimeout(resolve, 5))
    }
  }
}
