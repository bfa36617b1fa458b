/** How many bytes of responses wait for clients: of one response, of its HTTP/2 connection, and of the process. */
import type { ClientLimitSettings } from './client-limits.js'
import type { ClientSession } from './client-session.js'

/** Of all servers of this process. */
let inProcess = 0

/** Too much waits for clients: a target is read only once everything of its response that came before has been sent. */
export function isFull ({ maxBuffered, maxBufferedPerConnection }: ClientLimitSettings, session: ClientSession | undefined): boolean {
  return inProcess >= maxBuffered || (session !== undefined && session.bytes >= maxBufferedPerConnection)
}

/** The bytes of one response. */
export class Buffered {
  readonly #limits: ClientLimitSettings
  readonly #session: ClientSession | undefined
  #bytes = 0
  #released = false

  /** `session`: the HTTP/2 connection. An HTTP/1.1 connection has one response at a time. */
  constructor (limits: ClientLimitSettings, session: ClientSession | undefined) {
    this.#limits = limits
    this.#session = session
  }

  get full (): boolean {
    return isFull(this.#limits, this.#session)
  }

  /** So many bytes wait now. */
  set (bytes: number): void {
    if (this.#released) return
    const change = bytes - this.#bytes
    this.#bytes = bytes
    inProcess += change
    if (this.#session !== undefined) this.#session.bytes += change
  }

  /** The response has ended, or its client has left. */
  release (): void {
    this.set(0)
    this.#released = true
  }
}

/** @internal For tests. */
export function bufferedInProcess (): number {
  return inProcess
}
