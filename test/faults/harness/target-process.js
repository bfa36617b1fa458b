/**
 * A target that misbehaves when it is told to, in a process of its own, so that it can be killed. What it receives goes line by line into a
 * file, at once: the ledger is there even after `kill -9`.
 *
 *     B id method         the headers of a request came
 *     E id bytes digest   its body came whole
 *     A id bytes          its body broke off
 *
 * Arguments: host, port (0 for any), ledger file ('' for none), seed.
 */
import { createHash } from 'node:crypto'
import { openSync, writeSync } from 'node:fs'
import { createServer } from 'node:http'

const [host, port, ledger, seed] = process.argv.slice(2)
const file = ledger === '' ? undefined : openSync(ledger, 'a')

/** @type {import('./targets.js').Behaviour} */
let behaviour = {}
let listening = Number(port)
let inFlight = 0
let mostInFlight = 0
let connections = 0
const sockets = new Set()
const busy = new Set()

/** A number 0 <= n < 1 that is the same in every run for the same words (FNV-1a, then a murmur finaliser). */
function chance (...words) {
  let hash = 0x811c9dc5
  for (const char of [seed, ...words].join(' ')) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) / 4_294_967_296
}

function draw (shares, ...words) {
  let point = chance(...words)
  for (const [kind, share] of Object.entries(shares)) {
    if (point < share) return kind
    point -= share
  }
  return 'ok'
}

function note (...words) {
  if (file !== undefined) writeSync(file, words.join(' ') + '\n')
}

const head = (length, more = '') => `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${length}\r\n${more}\r\n`

/** What it does with a request once it has it; see `Kind`. */
const acts = {
  ok (id, body, { response }) { response.writeHead(200, { 'content-type': 'text/plain', 'content-length': body.length }).end(body) },
  'fail-fast' (id, body, { response }) { response.writeHead(503, { 'content-type': 'text/plain' }).end('busy') },
  hang () {},
  reset (id, body, { socket }) { socket.resetAndDestroy() },
  'reset-in-headers' (id, body, { socket }) { socket.write('HTTP/1.1 200 OK\r\nContent-Le', () => socket.resetAndDestroy()) },
  'reset-in-body' (id, body, { socket }) { socket.write(head(body.length) + body.slice(0, body.length >> 1), () => setTimeout(() => socket.resetAndDestroy(), 2)) },
  'end-in-body' (id, body, { socket }) { socket.end(head(body.length) + body.slice(0, body.length >> 1)) },
  'stall-in-body' (id, body, { socket }) { socket.write(head(body.length) + body.slice(0, body.length >> 1)) },
  trickle (id, body, { socket }) {
    const bytes = Buffer.from(head(body.length, 'Connection: close\r\n') + body)
    let sent = 0
    const timer = setInterval(() => {
      if (socket.destroyed || sent === bytes.length) {
        clearInterval(timer)
        socket.end()
      } else {
        socket.write(bytes.subarray(sent, ++sent))
      }
    }, 20)
  },
  garbage (id, body, { socket }) { socket.end('220 smtp.example ESMTP ready\r\n\r\n') },
  'length-too-long' (id, body, { socket }) { socket.end(head(body.length + 100) + body) },
  'length-too-short' (id, body, { socket }) { socket.write(head(body.length - 5) + body) }
}

const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 })

server.on('connection', socket => {
  connections++
  sockets.add(socket)
  socket.on('error', () => {})
  socket.once('close', () => sockets.delete(socket))
  if (behaviour.kinds?.['accept-and-close'] !== undefined && draw(behaviour.kinds, 'connection', connections) === 'accept-and-close') socket.destroy()
})

server.on('checkContinue', (request, response) => { response.writeContinue(); server.emit('request', request, response) })

server.on('request', (request, response) => {
  const { socket } = request
  const id = request.headers['x-fault-id'] ?? 'none'
  const kind = draw(behaviour.kinds ?? {}, id)
  clearTimeout(socket.idleTimer)
  busy.add(socket)
  mostInFlight = Math.max(mostInFlight, ++inFlight)
  note('B', id, request.method)

  let bytes = 0
  let whole = false
  const digest = createHash('sha1')
  request.on('data', chunk => {
    bytes += chunk.length
    digest.update(chunk)
    if (kind === 'reset-in-upload') socket.resetAndDestroy()
  })
  request.on('error', () => {})
  response.on('error', () => {})
  request.on('end', () => {
    whole = true
    note('E', id, bytes, digest.digest('hex').slice(0, 12))
    const [least, most] = behaviour.latency ?? [0, 0]
    const wait = least + (most - least) * chance('latency', id)
    const act = () => {
      if (!socket.destroyed) (acts[kind] ?? acts.ok)(id, bodyOf(id, Number(request.headers['x-fault-size'] ?? 0)), { request, response, socket })
    }
    if (wait === 0 || kind === 'fail-fast') act()
    else setTimeout(act, wait)
  })
  // Not 'close' of the request: that comes once its body is read.
  response.on('close', () => {
    if (!whole) note('A', id, bytes)
    inFlight--
    busy.delete(socket)
    if (behaviour.idle !== undefined && response.writableFinished) closeWhenIdle(socket, id)
  })
})

/** The keep-alive race: the connection ends about when the next request on it is to be expected. */
function closeWhenIdle (socket, id) {
  const { ms, spread } = behaviour.idle
  const how = ['end', 'destroy', 'resetAndDestroy'][Math.floor(3 * chance('close', id))]
  socket.idleTimer = setTimeout(() => {
    if (!busy.has(socket)) socket[how]()
  }, ms + spread * (chance('idle', id) - 0.5))
}

function bodyOf (id, size) {
  return (id + ' ').padEnd(size, '.')
}

function listen () {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(listening, host, 4_096, () => {
      server.off('error', reject)
      listening = server.address().port
      resolve()
    })
  })
}

function refuse () {
  server.close()
  for (const socket of sockets) socket.destroy()
}

const orders = {
  async start () { await listen(); return { port: listening } },
  async behave (next) { behaviour = next },
  async listen () { if (!server.listening) await listen() },
  async refuse () { refuse() },
  async stats () { return { inFlight, mostInFlight, connections } }
}

process.on('message', async ({ order, name, argument }) => {
  try {
    process.send({ order, result: await orders[name](argument) })
  } catch (error) {
    process.send({ order, error: error.message })
  }
})
// Nobody is left who could give orders, or who would end it.
process.on('disconnect', () => process.exit())
process.on('SIGINT', () => {})
