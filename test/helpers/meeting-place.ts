/** A shared store of a user's own, in memory: all that were made at one place meet there. It can be lost, and hold back what it is asked. */
import type { SharedStore, StoreListener } from '../../lib/index.js'

export class MeetingPlace {
  readonly kept = new Map<string, string>()
  readonly sessions = new Map<string, string>()
  /** All messages so far. */
  readonly said: string[] = []
  /** Whether it is there. */
  up = true
  /** Calls that it was asked, by name. */
  readonly calls: string[] = []
  readonly #listeners = new Set<StoreListener>()

  /** Somebody says something there that may be nonsense. */
  say (message: string): void {
    this.said.push(message)
    for (const { heard } of this.#listeners) heard(message)
  }

  /** It is back: all who listen are told that they may have missed something. */
  comeBack (): void {
    this.up = true
    for (const { missed } of this.#listeners) missed()
  }

  store (): SharedStore {
    let own: StoreListener | undefined
    const ask = async <T>(call: string, answer: () => T): Promise<T> => {
      this.calls.push(call)
      if (!this.up) throw new Error('gone')
      return answer()
    }
    return {
      open: listener => { this.#listeners.add(own = listener) },
      publish: message => ask('publish', () => { this.say(message) }),
      put: (key, value) => ask('put', () => { this.kept.set(key, value) }),
      drop: key => ask('drop', () => { this.kept.delete(key) }),
      held: () => ask('held', () => Object.fromEntries(this.kept)),
      remember: (key, value) => ask('remember', () => { this.sessions.set(key, value) }),
      recall: key => ask('recall', () => this.sessions.get(key) ?? null),
      close: () => { this.#listeners.delete(own!) }
    }
  }
}
