/**
 * A small backend to try the gateway with: `node backend.js <name> [port] [delay in ms]`. It answers every request with what it saw of it.
 * After `POST /fail` everything is answered with 503, `GET /health` too, until `POST /recover`.
 */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

const [name = 'backend', port = '0', delayMs = '0'] = process.argv.slice(2)

/** Header fields that tell what the gateway did. */
const TELLING = /^(?:host|via|forwarded|x-forwarded-.*|x-request-id|cookie|content-type|content-length)$/

let failing = false

async function answer (request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method, url: path } = request
  const asked = `${method} ${path}`
  if (asked === 'POST /fail' || asked === 'POST /recover') {
    failing = asked === 'POST /fail'
    reply(response, 200, { failing })
  } else if (failing) {
    reply(response, 503, { error: 'failing, as it was asked to' })
  } else if (asked === 'GET /health') {
    reply(response, 200, { status: 'ok' })
  } else {
    await delay(Number(delayMs))
    reply(response, 200, { method, path, headers: telling(request.headers) })
  }
}

function reply (response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ name, pid: process.pid, ...body }) + '\n')
}

function telling (headers: IncomingHttpHeaders): object {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => TELLING.test(name)))
}

const server = createServer((request, response) => {
  request.resume()
  void answer(request, response)
})

server.listen(Number(port), '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  if (process.send === undefined) console.log(`${name} listens on http://127.0.0.1:${port}`)
  else process.send(port)
})

if (process.send !== undefined) {
  // A backend of the demo ends with it, but not before: Ctrl-C goes to every process of the terminal, and requests may be in flight.
  process.on('SIGINT', () => {})
  process.on('disconnect', () => { process.exit() })
}
