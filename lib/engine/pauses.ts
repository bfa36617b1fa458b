import type { WaitTools } from './within.js'

/** Pauses of what goes on in the background: over when their time is, when somebody wakes it, or when it is to end. */
export class Pauses {
  readonly #tools: WaitTools
  #woken = false
  #end = (): void => {}

  constructor (tools: WaitTools) {
    this.#tools = tools
    tools.signal.addEventListener('abort', this.wake, { once: true })
  }

  /** Ends the pause. When there is none, the next is over at once: what happened while nobody paused is not missed. */
  readonly wake = (): void => {
    this.#woken = true
    this.#end()
  }

  async pause (ms: number): Promise<void> {
    const { clock, signal } = this.#tools
    if (!this.#woken && !signal.aborted) {
      await new Promise<void>(resolve => {
        const timer = clock.after(ms, resolve, undefined)
        this.#end = () => {
          clock.cancel(timer)
          resolve()
        }
      })
    }
    this.#woken = false
  }
}
