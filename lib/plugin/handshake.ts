/** The connection of a client that asks for an upgrade, from Node's 'upgrade' event until it is a tunnel, or has its answer. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { mayLackFields } from './unambiguous.js'

/** Bytes that a client may send ahead before it is not read any more. */
const EARLY_LIMIT = 65_536

export class Handshake {
  /** What the client asks for, as it wrote it; what comes of it is compared in lower case. */
  readonly protocol: string
  readonly socket: Duplex
  #answered = false
  readonly #early: Buffer[]
  #earlyBytes: number

  constructor (protocol: string, socket: Duplex, head: Buffer) {
    this.protocol = protocol
    this.socket = socket
    this.#early = [head]
    this.#earlyBytes = head.length
    // Node has taken all listeners off. Nobody hears that the client leaves unless somebody reads.
    socket.on('error', this.#close).on('end', this.#close).on('data', this.#keep)
  }

  readonly #close = (): void => { this.socket.destroy() }

  readonly #keep = (chunk: Buffer): void => {
    this.#early.push(chunk)
    this.#earlyBytes += chunk.length
    if (this.#earlyBytes > EARLY_LIMIT) this.socket.pause()
  }

  /** An answer that is no upgrade ends the connection: what the client has sent ahead is no request. */
  answeredBy (response: ServerResponse): void {
    if (this.#answered) return
    this.#answered = true
    response.shouldKeepAlive = false
    response.on('finish', () => {
      if (response.statusCode !== 101) this.socket.end(this.#close)
    })
  }

  /** The target does not change the protocol. What the client has sent ahead is of no use then, but it is read on, or nobody would notice that it leaves. */
  drop (): void {
    this.#early.length = 0
    this.socket.off('data', this.#keep).on('data', ignored).resume()
  }

  /** Leaves the socket, paused, to a tunnel. Returns what the client has sent ahead. */
  leave (): Buffer {
    this.socket.pause().off('end', this.#close).off('data', this.#keep)
    return Buffer.concat(this.#early)
  }
}

function ignored (): void {}

/** The response that is next on this connection; null when there is none to come. */
export function unanswered (socket: Duplex): ServerResponse | null {
  // Node's own note of whose turn it is; there is no other way to know.
  return (socket as { _httpMessage?: ServerResponse | null })._httpMessage ?? null
}

/**
 * When there are requests before this one on the connection that have no answer yet, it is closed once they have, and true: nothing that comes now
 * could be answered in its turn. A client is not to send anything behind a request that it has no answer to, and then ask for another protocol.
 */
export function closeWhenAnswered (socket: Duplex): boolean {
  const response = unanswered(socket)
  if (response === null) return false
  // Node has taken its listeners off: somebody must see the client leave.
  if (socket.listenerCount('data') === 0) socket.on('error', () => {}).on('end', () => { socket.destroy() }).on('data', () => {})
  response.once('finish', () => { if (!closeWhenAnswered(socket)) socket.end() })
  return true
}

/**
 * Serves a request that asks for an upgrade as if it had not asked: it is handed to Node once more without the fields that say so, and with it
 * whatever follows on its connection.
 */
export function serveWithoutUpgrade (server: Server, { rawHeaders, method, url, httpVersion }: IncomingMessage, socket: Duplex, head: Buffer): void {
  // What is not written down again would be understood in another way than Node has understood it.
  if (mayLackFields(rawHeaders, server)) {
    socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
    return
  }
  const lines = [`${method} ${url} HTTP/${httpVersion}`]
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase()
    if (name === 'upgrade' || name === 'http2-settings') continue
    const value = name === 'connection' ? withoutUpgrade(rawHeaders[i + 1]!) : rawHeaders[i + 1]!
    if (name !== 'connection' || value !== '') lines.push(`${rawHeaders[i]}: ${value}`)
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]))
  server.emit((socket as { encrypted?: boolean }).encrypted === true ? 'secureConnection' : 'connection', socket)
}

function withoutUpgrade (connection: string): string {
  return connection.split(',').map(name => name.trim()).filter(name => !/^(?:upgrade|http2-settings)$/i.test(name)).join(', ')
}
