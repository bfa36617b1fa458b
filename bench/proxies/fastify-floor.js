/** The floor inside of Fastify: a route that hands each request to undici and sends the answer, which is collected first. Nothing else, as there. */
import fastify from 'fastify'
import { Pool } from 'undici'

export async function start (origins) {
  const pools = origins.map(origin => new Pool(origin, { connections: null }))
  let turn = 0
  const app = fastify()
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => { done(null, payload) })
  app.all('/*', (request, reply) => {
    const { method, url, rawHeaders } = request.raw
    pools[turn++ % pools.length].dispatch({ method, path: url, headers: rawHeaders, body: request.body ?? null }, new Handler(reply))
    return reply
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  return app.server.address().port
}

/** What undici calls, in the form that its core calls directly. */
class Handler {
  #reply
  #chunks = []

  constructor (reply) {
    this.#reply = reply
  }

  onConnect () {}

  onHeaders (status, rawHeaders) {
    if (status < 200) return true
    this.#reply.code(status)
    for (let i = 0; i < rawHeaders.length; i += 2) this.#reply.header(text(rawHeaders[i]), text(rawHeaders[i + 1]))
    return true
  }

  onData (chunk) {
    this.#chunks.push(chunk)
    return true
  }

  onComplete () {
    this.#reply.send(this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks))
  }

  onError () {
    this.#reply.raw.destroy()
  }
}

const text = buffer => buffer.latin1Slice()
