/** One listener: server-sent events on a response that stays open (HTML Living Standard §9.2). */
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'

/** Milliseconds after which a browser that has lost us asks again. */
const RETRY_MS = 2_000

export class EventStream {
  /** What was sent last is still on its way: more would only pile up here. */
  blocked = false
  readonly #raw: ServerResponse

  constructor (raw: ServerResponse, headers: OutgoingHttpHeaders, gone: () => void) {
    this.#raw = raw
    raw.on('drain', () => { this.blocked = false })
    raw.once('close', gone)
    // Nobody waits for what cannot be sent any more; 'close' tells the rest.
    raw.on('error', () => {})
    // Nothing follows on this connection: one that is kept would hold up a server that closes.
    raw.shouldKeepAlive = false
    // Proxies in front, as nginx, would collect them otherwise.
    raw.writeHead(200, { ...headers, 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' })
    raw.write(`retry: ${RETRY_MS}\n\n`)
  }

  send (text: string): void {
    this.blocked = !this.#raw.write(text)
  }

  end (): void {
    this.#raw.end()
  }

  /** Without waiting for what has not been read. */
  cut (): void {
    this.#raw.destroy()
  }
}

/** One event. JSON has no line breaks, so that whatever names are like they stay inside. */
export function eventText (name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
}
