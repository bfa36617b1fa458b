/** The load: clients that send their next message when the last one has come back, to the byte. */
import { connect } from 'node:net'
import { answerCalls } from '../child.js'
import { acceptOf, asked, echoed, sizes } from './messages.js'

const KEY = Buffer.alloc(16, 'bench').toString('base64')
const HEAD_END = '\r\n\r\n'

let crowd = []
/** Rejects when a client has failed. */
let broken

answerCalls({
  /** Opens the WebSockets; each carries a message. */
  async gather ({ port, workload, connections }) {
    let failed
    broken = new Promise((_resolve, reject) => { failed = reject })
    broken.catch(() => {})
    const size = sizes[workload]
    crowd = Array.from({ length: connections }, () => new Client(asked(size), echoed(size), failed))
    await orBroken(Promise.all(crowd.map(client => client.open(port, `/${workload}`))))
  },

  /** Resolves to how many messages came back; "requests", as the proxies' other loads call it. */
  async drive ({ seconds }) {
    const run = { done: false }
    const timer = setTimeout(() => { run.done = true }, seconds * 1000)
    const start = performance.now()
    try {
      const counts = await orBroken(Promise.all(crowd.map(client => client.play(run))))
      return { requests: counts.reduce((sum, count) => sum + count, 0), seconds: (performance.now() - start) / 1000 }
    } finally {
      clearTimeout(timer)
    }
  },

  dismiss () {
    for (const client of crowd) client.close()
    crowd = []
  }
})

function orBroken (promise) {
  return Promise.race([promise, broken])
}

class Client {
  #message
  #echo
  #failed
  #socket
  #got = 0
  #back = () => {}

  constructor (message, echo, failed) {
    this.#message = message
    this.#echo = echo
    this.#failed = failed
  }

  open (port, path) {
    return new Promise(resolve => {
      const socket = this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
      const fail = why => this.#failed(new Error(`${path}: ${why}`))
      socket.on('error', error => fail(error.message)).on('close', () => { if (this.#socket === socket) fail('the connection was closed') })
      socket.write([
        `GET ${path} HTTP/1.1`, 'Host: shop.example', 'User-Agent: Mozilla/5.0 (bench)', 'Connection: Upgrade', 'Upgrade: websocket',
        'Sec-WebSocket-Version: 13', `Sec-WebSocket-Key: ${KEY}`, '\r\n'
      ].join('\r\n'))
      let head = ''
      socket.on('data', function handshake (chunk) {
        head += chunk.latin1Slice()
        if (!head.endsWith(HEAD_END)) return
        if (!head.startsWith('HTTP/1.1 101 ') || !head.includes(acceptOf(KEY))) return fail(head.split('\r\n', 1)[0])
        socket.off('data', handshake)
        resolve()
      })
    }).then(() => {
      this.#socket.on('data', chunk => this.#read(chunk))
      return this.play({ done: true })
    })
  }

  /** Sends messages, one after the other, until the run is done; resolves to how many came back. At least one is sent. */
  play (run) {
    return new Promise(resolve => {
      let count = 0
      this.#back = () => {
        count++
        if (run.done) resolve(count)
        else this.#socket.write(this.#message)
      }
      this.#socket.write(this.#message)
    })
  }

  #read (chunk) {
    const end = this.#got + chunk.length
    if (end > this.#echo.length || chunk.compare(this.#echo, this.#got, end) !== 0) return this.#failed(new Error('not what was said'))
    this.#got = end === this.#echo.length ? 0 : end
    if (this.#got === 0) this.#back()
  }

  close () {
    const socket = this.#socket
    this.#socket = undefined
    socket.destroy()
  }
}
