/**
 * The load: clients that send their next request when the last one is answered, each on a connection of its own that it keeps. They speak
 * HTTP over bare sockets, which costs a fraction of what a real HTTP client does, and any answer that is not the expected one is an error.
 */
import { connect } from 'node:net'
import { answerCalls } from './child.js'

/** A client forgets its cookie after so many requests, and comes back as a new one. */
const SESSION = 20
/** No drive sends more than this, however fast the proxy is. */
const MOST_REQUESTS = 3_000_000

const HEADERS_END = Buffer.from('\r\n\r\n')

answerCalls({
  async drive ({ port, workload, seconds, connections }) {
    const { request, responseLength } = await import(`./workloads/${workload}.js`)
    const run = { port, request, responseLength, begun: 0, done: false }
    const timer = setTimeout(() => { run.done = true }, seconds * 1000)
    const start = performance.now()
    try {
      const counts = await Promise.all(Array.from({ length: connections }, () => visit(run)))
      return { requests: counts.reduce((sum, count) => sum + count, 0), seconds: (performance.now() - start) / 1000 }
    } finally {
      run.done = true
      clearTimeout(timer)
    }
  }
})

/** One client until the run is over; resolves to how many of its requests were answered. */
function visit (run) {
  return new Promise((resolve, reject) => {
    const plain = written(run.request, undefined)
    let message = plain
    let answered = 0
    /** Bytes of the response that have not come; undefined until its headers are here. */
    let missing
    let head

    const socket = connect({ port: run.port, host: '127.0.0.1', noDelay: true })
    const fail = why => {
      socket.destroy()
      reject(new Error(`${run.request.method} ${run.request.path}: ${why}`))
    }
    const send = () => {
      if (run.done || run.begun >= MOST_REQUESTS) {
        socket.destroy()
        resolve(answered)
        return
      }
      run.begun++
      missing = head = undefined
      socket.write(message)
    }

    socket.on('connect', send)
    socket.on('error', error => fail(error.message))
    socket.on('close', () => fail('the connection was closed'))
    socket.on('data', chunk => {
      if (missing === undefined) {
        if (head !== undefined) chunk = Buffer.concat([head, chunk])
        const end = chunk.indexOf(HEADERS_END)
        if (end === -1) {
          head = chunk
          return
        }
        const fields = chunk.latin1Slice(0, end)
        if (!/^HTTP\/1\.1 20[01] /.test(fields)) return fail(fields.split('\r\n', 1)[0])
        if (Number(/\ncontent-length: *(\d+)/i.exec(fields)?.[1]) !== run.responseLength) return fail('a response of another length')
        const cookie = /\nset-cookie: *([^;\r]+)/i.exec(fields)?.[1]
        if (cookie !== undefined) message = written(run.request, cookie)
        missing = run.responseLength - (chunk.length - end - HEADERS_END.length)
      } else {
        missing -= chunk.length
      }
      if (missing > 0) return
      if (missing < 0) return fail('more than the response')
      if (++answered % SESSION === 0) message = plain
      send()
    })
  })
}

function written ({ method, path, type, body }, cookie) {
  const head = [
    `${method} ${path} HTTP/1.1`,
    'Host: shop.example',
    'User-Agent: Mozilla/5.0 (bench)',
    'Accept: */*',
    'Accept-Encoding: gzip, br',
    'Connection: keep-alive',
    ...(cookie === undefined ? [] : [`Cookie: ${cookie}`]),
    ...(body === undefined ? [] : [`Content-Type: ${type}`, `Content-Length: ${body.length}`])
  ]
  return Buffer.concat([Buffer.from(head.join('\r\n') + '\r\n\r\n'), body ?? Buffer.alloc(0)])
}
