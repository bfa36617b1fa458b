/**
 * The least a proxy in Node can do: node:http on one side, undici's dispatch on the other, targets in turn, or drawn. Headers go through as they
 * came, bodies stream both ways with backpressure, and a response that came in one read leaves in one write. Nothing else: no hop-by-hop
 * rules, no failover, no look at whether the client is still there.
 */
import { createServer } from 'node:http'
import { once } from 'node:events'
import { Pool } from 'undici'

/** `drawn`: targets at random, which reach their memory, and that of their connections, in no order. */
export async function start (origins, { drawn = false } = {}) {
  const pools = origins.map(origin => new Pool(origin, { connections: null }))
  let turn = 0
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    const { method, url, rawHeaders, headers } = request
    const body = headers['content-length'] === undefined && headers['transfer-encoding'] === undefined ? null : request
    const next = drawn ? Math.floor(Math.random() * pools.length) : turn++ % pools.length
    pools[next].dispatch({ method, path: url, headers: rawHeaders, body }, new Handler(response))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server.address().port
}

/** What undici calls, in the form that its core calls directly. */
class Handler {
  #response
  /** The first chunk, while headers and body may still leave together. */
  #first
  #begun = false

  constructor (response) {
    this.#response = response
  }

  onConnect () {}

  onHeaders (status, rawHeaders, resume) {
    if (status < 200) return true
    this.#response.writeHead(status, rawHeaders.map(text))
    this.#response.on('drain', resume)
    // The parser goes through all that came in one read before a microtask runs.
    queueMicrotask(() => this.#begin())
    return true
  }

  onData (chunk) {
    if (!this.#begun && this.#first === undefined) {
      this.#first = chunk
      return true
    }
    this.#begin()
    return this.#response.write(chunk)
  }

  onComplete () {
    if (this.#begun) this.#response.end()
    else this.#response.end(this.#first)
    this.#begun = true
  }

  onError () {
    this.#response.destroy()
  }

  #begin () {
    if (this.#begun) return
    this.#begun = true
    if (this.#first === undefined) this.#response.flushHeaders()
    else this.#response.write(this.#first)
  }
}

const text = buffer => buffer.latin1Slice()
