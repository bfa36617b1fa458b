/** Four clients that ask one thing after the other, of either method, until `stop`. */
export class Load {
  /** What went wrong. */
  readonly errors: string[] = []
  /** By target. */
  readonly answers: Record<string, number> = { a: 0, b: 0, c: 0, d: 0 }
  #stopped = false
  readonly #clients: Array<Promise<void>>

  constructor (url: string) {
    this.#clients = Array.from({ length: 4 }, (_, i) => this.#ask(url, i % 2 === 0 ? {} : { method: 'POST', body: 'x'.repeat(1_000) }))
  }

  async stop (): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#clients)
  }

  async #ask (url: string, options: RequestInit): Promise<void> {
    while (!this.#stopped) {
      try {
        const answer = await fetch(url, options)
        const text = await answer.text()
        if (answer.status === 200) this.answers[text]!++
        else this.errors.push(`${answer.status} ${text}`)
      } catch (error) {
        this.errors.push(String((error as Error).cause ?? error))
      }
    }
  }
}
