/** Clients that behave, while others do not: what they get is what an attack does to them. */
import { Agent, get } from 'node:http'
import { connect, type ClientHttp2Session } from 'node:http2'

/** Milliseconds after which such a client gives up. */
const PATIENCE = 5_000

/** Milliseconds between two requests of a client. */
const PACE = 20

export class Others {
  /** How often which status came; `none`: no response in time. */
  readonly statuses = new Map<string, number>()
  readonly #url: string
  readonly #agent = new Agent({ keepAlive: true })
  #session: ClientHttp2Session | undefined
  #stopped = false
  readonly #running: Array<Promise<void>>

  constructor (url: string, http2: boolean) {
    this.#url = url
    if (http2) this.#session = connect(url).on('error', () => {})
    this.#running = [this.#client(), this.#client()]
  }

  get allServed (): boolean {
    return this.statuses.size === 1 && this.statuses.has('200')
  }

  get summary (): string {
    return [...this.statuses].map(([status, count]) => `${count} × ${status}`).join(', ')
  }

  async stop (): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#running)
    this.#agent.destroy()
    this.#session?.destroy()
  }

  async #client (): Promise<void> {
    do {
      const status = await (this.#session === undefined ? this.#ask() : this.#askOver(this.#session))
      this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1)
      await new Promise(resolve => setTimeout(resolve, PACE))
    } while (!this.#stopped)
  }

  #ask (): Promise<string> {
    return new Promise(resolve => {
      get(`${this.#url}/well`, { agent: this.#agent, timeout: PATIENCE }, response => {
        response.resume().on('close', () => { resolve(response.complete ? String(response.statusCode) : 'cut') })
      }).on('timeout', function (this: { destroy: () => void }) { this.destroy() }).on('error', () => { resolve('none') })
    })
  }

  #askOver (session: ClientHttp2Session): Promise<string> {
    return new Promise(resolve => {
      let status = 'none'
      const stream = session.request({ ':path': '/well' })
      stream.setTimeout(PATIENCE, () => { stream.destroy() })
      stream.on('response', headers => { status = String(headers[':status']) }).on('error', () => {}).on('close', () => { resolve(status) }).resume()
    })
  }
}
