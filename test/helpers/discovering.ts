/** Discovery without a gateway: an upstream whose targets are found, with time of the test's own. Chance is always in the middle, unless `random` says otherwise. */
import { Discovery } from '../../lib/discovery/discovery.js'
import { discoveryOption, type DiscoveryOptions } from '../../lib/discovery/options.js'
import { Upstream } from '../../lib/engine/upstream.js'
import { checked } from '../../lib/options.js'
import { upstreamOption, type UpstreamOptions } from '../../lib/plugin/options.js'
import { FakeClock } from './clock.js'
import type { Ending } from './servers.js'
import { until } from './wait.js'

export interface Discovering {
  upstream: Upstream
  discovery: Discovery
  clock: FakeClock
  /** What was logged, as `warn: the message: the error`. */
  lines: string[]
  /** Whether `start()` is over: the first set has come, or is not waited for any more. */
  begun: () => boolean
  /** Ids of the targets, in their order. */
  ids: () => string
  /** Waits, without time passing, until there are these targets. */
  has: (ids: string) => Promise<void>
  /** The same, with time passing. */
  comesTo: (ids: string) => Promise<void>
  /** Waits, without time passing, for so many good sets since the beginning. */
  resolved: (times: number) => Promise<void>
  /** The same for failures. */
  failed: (times: number) => Promise<void>
}

export function discovering (t: Ending, options: DiscoveryOptions, more: UpstreamOptions & { pending?: boolean } = {}): Discovering {
  const { pending = false, ...upstreamOptions } = more
  const clock = new FakeClock()
  const settings = checked(upstreamOption, { random: () => 0.5, ...upstreamOptions, now: clock.now, timers: clock }, 'shop')
  const upstream = new Upstream('shop', settings, { ejection: false, initialHealth: pending ? 'pending' : 'unchecked', fault: error => { throw error } })
  const lines: string[] = []
  const log = (level: string) => ({ err, targets }: { err?: unknown, targets?: string[] }, message: string): void => {
    lines.push([`${level}: ${message}`, ...(err === undefined ? [] : [err instanceof Error ? err.message : String(err)]), ...(targets ?? [])].join(': '))
  }
  const discovery = new Discovery(upstream, checked(discoveryOption, options, 'discovery'), { info: log('info'), warn: log('warn') })
  t.teardown(() => discovery.close())
  let over = false
  void discovery.start().then(() => { over = true })
  const ids = (): string => [...upstream.targets.keys()].join(' ')
  return {
    upstream,
    discovery,
    clock,
    lines,
    begun: () => over,
    ids,
    has: wanted => until(() => ids() === wanted, `the targets ${wanted}`),
    comesTo: wanted => until(() => {
      if (ids() !== wanted) clock.advance(10)
      return ids() === wanted
    }, `the targets ${wanted}`),
    resolved: times => until(() => discovery.snapshot().resolves >= times, `${times} good sets`),
    failed: times => until(() => discovery.snapshot().failures >= times, `${times} failures`)
  }
}

/** Sets that are put in one by one, as a source of the user's own; an error ends the iteration. */
export class Feed implements AsyncIterable<any> {
  /** How often it was iterated. */
  begun = 0
  /** How often an iteration was told to end. */
  returned = 0
  #next: (() => void) | undefined
  readonly #sets: unknown[] = []

  put (...sets: unknown[]): this {
    this.#sets.push(...sets)
    this.#next?.()
    return this
  }

  [Symbol.asyncIterator] (): AsyncIterator<any> {
    this.begun++
    return {
      next: async () => {
        if (this.#sets.length === 0) await new Promise<void>(resolve => { this.#next = resolve })
        const value = this.#sets.shift()
        if (value instanceof Error) throw value
        return value === END ? { done: true, value: undefined } : { done: false, value }
      },
      return: async () => {
        this.returned++
        return { done: true, value: undefined }
      }
    }
  }
}

/** Put in, it ends the iteration. */
export const END = Symbol('end')
