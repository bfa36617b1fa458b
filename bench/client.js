/**
 * A client: HTTP over a bare socket, which costs a fraction of what a real HTTP client does. Any answer that is not the expected one is an error. It sends the
 * cookie it was given, and comes back as a new client after some requests.
 */
import { connect } from 'node:net'

/** Requests after which it forgets its cookie. */
const SESSION = 20
/** Bodies of so many bytes are copied next to their headers, so that there is one write. */
const SHORT = 65_536

const HEADERS_END = Buffer.from('\r\n\r\n')

export class Client {
  #port
  #workload
  #keepAlive
  #failed
  #socket
  /** What is written, without a cookie and as it is now. */
  #plain
  #message
  #count = 0
  #answered
  /** Bytes of the response that have not come; undefined until its headers are here. */
  #missing
  #head

  /**
   * @param workload `{ request, responseLength }`
   * @param keepAlive whether the connection serves more than one request
   * @param failed called with an error, after which the client is of no use any more
   */
  constructor ({ port, workload, keepAlive, failed }) {
    this.#port = port
    this.#workload = workload
    this.#keepAlive = keepAlive
    this.#failed = failed
    this.#plain = this.#message = this.#written(undefined)
  }

  /** Sends the request; `answered` is called when the response is whole. */
  send (answered) {
    this.#answered = answered
    this.#missing = this.#head = undefined
    if (this.#socket === undefined) this.#connect()
    else this.#write()
  }

  close () {
    const socket = this.#socket
    this.#socket = undefined
    socket?.destroy()
  }

  #connect () {
    const socket = this.#socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true })
    socket.on('connect', () => this.#write())
    socket.on('data', chunk => this.#read(chunk))
    socket.on('error', error => this.#fail(error.message))
    socket.on('close', () => { if (this.#socket === socket) this.#fail('the connection was closed') })
  }

  #write () {
    for (const part of this.#message) this.#socket.write(part)
  }

  #read (chunk) {
    const { responseLength } = this.#workload
    if (this.#missing === undefined) {
      if (this.#head !== undefined) chunk = Buffer.concat([this.#head, chunk])
      const end = chunk.indexOf(HEADERS_END)
      if (end === -1) {
        this.#head = chunk
        return
      }
      const fields = chunk.latin1Slice(0, end)
      if (!/^HTTP\/1\.1 20[01] /.test(fields)) return this.#fail(fields.split('\r\n', 1)[0])
      if (Number(/\ncontent-length: *(\d+)/i.exec(fields)?.[1]) !== responseLength) return this.#fail('a response of another length')
      const cookie = /\nset-cookie: *([^;\r]+)/i.exec(fields)?.[1]
      if (cookie !== undefined) this.#message = this.#written(cookie)
      this.#missing = responseLength - (chunk.length - end - HEADERS_END.length)
    } else {
      this.#missing -= chunk.length
    }
    if (this.#missing > 0) return
    if (this.#missing < 0) return this.#fail('more than the response')
    if (++this.#count % SESSION === 0) this.#message = this.#plain
    if (!this.#keepAlive) this.close()
    this.#answered()
  }

  #fail (why) {
    const { method, path } = this.#workload.request
    this.close()
    this.#failed(new Error(`${method} ${path}: ${why}`))
  }

  #written (cookie) {
    const { method, path, type, body } = this.#workload.request
    const head = Buffer.from([
      `${method} ${path} HTTP/1.1`,
      'Host: shop.example',
      'User-Agent: Mozilla/5.0 (bench)',
      'Accept: */*',
      'Accept-Encoding: gzip, br',
      `Connection: ${this.#keepAlive ? 'keep-alive' : 'close'}`,
      ...(cookie === undefined ? [] : [`Cookie: ${cookie}`]),
      ...(body === undefined ? [] : [`Content-Type: ${type}`, `Content-Length: ${body.length}`]),
      '\r\n'
    ].join('\r\n'))
    if (body === undefined) return [head]
    return body.length > SHORT ? [head, body] : [Buffer.concat([head, body])]
  }
}
