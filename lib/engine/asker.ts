/** Questions that a policy asks of targets, apart from the requests of clients: on a connection of their own to each target, one at a time. */
import type { Clock, Timer } from '../balancing/clock.js'
import type { Answer } from '../balancing/policy.js'
import type { Target } from '../balancing/target.js'
import { TargetGoneError } from './failure.js'
import { rawHeader, type RawHeaders } from './headers.js'
import { TargetPool, type Connection, type ConnectionAware } from './pool.js'
import type { EngineTargetConfig } from './target-options.js'
import type { EngineSettings } from './upstream-options.js'

/** Bytes of an answer that are read; it is the header fields that count. */
const LONGEST_ANSWER = 65_536

const LATE = new Error('the answer to a question would be late')

export class Asker {
  readonly #settings: EngineSettings
  readonly #clock: Clock
  readonly #has: (target: Target) => boolean
  readonly #lines = new Map<Target, TargetPool>()
  readonly #asked = new Set<Target>()

  /** `has`: whether the target has not been removed meanwhile. */
  constructor (settings: EngineSettings, clock: Clock, has: (target: Target) => boolean) {
    this.#settings = settings
    this.#clock = clock
    this.#has = has
  }

  /** Asks, unless the target has not answered the question before. `heard` is called at the headers of an answer that comes in time. */
  ask (target: Target, path: string, timeoutMs: number, heard: (answer: Answer) => void): void {
    if (this.#asked.has(target)) return
    this.#asked.add(target)
    const hear = (answer: Answer): void => { if (this.#has(target)) heard(answer) }
    new Question(this.#clock, timeoutMs, hear, () => { this.#asked.delete(target) }).put(this.#lineTo(target), path)
  }

  #lineTo (target: Target): TargetPool {
    let line = this.#lines.get(target)
    if (line === undefined) {
      const { pool, timeouts } = this.#settings
      line = new TargetPool(target.config as EngineTargetConfig, { ...pool, connections: 1 }, timeouts.connect)
      this.#lines.set(target, line)
    }
    return line
  }

  /** Ends the connection to a target. The next question opens another. */
  async hangUp (target: Target): Promise<void> {
    const line = this.#lines.get(target)
    this.#lines.delete(target)
    await line?.destroy(new TargetGoneError())
  }
}

/** What undici calls, in the form that its core calls directly. */
class Question implements ConnectionAware {
  connection?: Connection
  over = false
  readonly #clock: Clock
  readonly #heard: (answer: Answer) => void
  readonly #ended: () => void
  readonly #startedAt: number
  readonly #timer: Timer
  #late = false
  #bytes = 0

  constructor (clock: Clock, timeoutMs: number, heard: (answer: Answer) => void, ended: () => void) {
    this.#clock = clock
    this.#heard = heard
    this.#ended = ended
    this.#startedAt = clock.now()
    this.#timer = clock.after(timeoutMs, giveUp, this)
  }

  put (line: TargetPool, path: string): void {
    const { basePath, servername } = line
    line.dispatch({ path: basePath + path, method: 'GET', headers: { 'user-agent': 'fastify-load-balancer' }, reset: false, servername } as never, this as never)
  }

  onConnect (): void {
    if (this.#late) throw LATE
  }

  onHeaders (status: number, headers: RawHeaders): boolean {
    if (status >= 200) this.#heard({ status, ttfbMs: this.#clock.now() - this.#startedAt, header: name => rawHeader(headers, name) })
    return true
  }

  onData (chunk: Buffer): boolean {
    this.#bytes += chunk.length
    if (this.#bytes > LONGEST_ANSWER) this.connection!.drop(LATE)
    return true
  }

  onComplete (): void { this.#end() }
  onError (): void { this.#end() }

  #end (): void {
    this.over = true
    this.#clock.cancel(this.#timer)
    this.#ended()
  }

  /** @internal */
  giveUp (): void {
    this.#late = true
    this.connection?.drop(LATE)
  }
}

function giveUp (question: Question): void {
  question.giveUp()
}
