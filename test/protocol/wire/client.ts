/** A client that sends bytes as they are, and reads answers strictly. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Malformed, readMessage, type Message } from './message.js'

export interface Answer extends Message { status: number }

export class WireClient {
  readonly socket: Socket
  #bytes = Buffer.alloc(0)
  #ended = false
  #wake: () => void = () => {}

  private constructor (socket: Socket) {
    this.socket = socket
    socket.on('error', () => {})
    socket.on('data', chunk => {
      this.#bytes = Buffer.concat([this.#bytes, chunk])
      this.#wake()
    })
    socket.on('close', () => {
      this.#ended = true
      this.#wake()
    })
  }

  static async open (url: string): Promise<WireClient> {
    const client = new WireClient(connect({ port: Number(new URL(url).port), host: '127.0.0.1' }))
    await once(client.socket, 'connect')
    return client
  }

  send (bytes: string | Buffer): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  }

  /** The next final answer; undefined when the connection was closed instead. Throws `Malformed`; half an answer is malformed, too. */
  async next (head = false): Promise<Answer | undefined> {
    while (true) {
      const whole = readMessage(this.#bytes, { of: 'response', head, ended: this.#ended })
      if (whole !== undefined) {
        this.#bytes = this.#bytes.subarray(whole.length)
        const status = Number(whole.message.start.slice(9, 12))
        if (status >= 200) return { ...whole.message, status }
      } else if (this.#ended) {
        if (this.#bytes.length > 0) throw new Malformed(`half an answer: ${JSON.stringify(this.#bytes.toString('latin1'))}`)
        return undefined
      } else {
        await new Promise<void>(resolve => { this.#wake = resolve })
      }
    }
  }

  /** Resolved when the connection is closed. */
  get closed (): Promise<void> {
    return new Promise(resolve => {
      if (this.socket.closed) resolve()
      else this.socket.once('close', () => { resolve() })
    })
  }

  leave (): void {
    this.socket.destroy()
  }
}
