/** The load: a crowd of clients that is gathered, sends requests, and is dismissed. To connect and to leave is no part of what is measured. */
import { setTimeout as delay } from 'node:timers/promises'
import { answerCalls } from './child.js'
import { Client } from './client.js'
import { stream } from './simulate/engine/random.js'

/** Clients that connect at the same time: fewer than a server has room for in its backlog. */
const AT_ONCE = 128
/** The longest drive, however fast the proxy is. */
const MOST_REQUESTS = 3_000_000

let crowd = []
/** Rejects when a client has failed. */
let broken
/** Resolves when what was begun is answered. */
let begun

answerCalls({
  /** Connects the clients, `atOnce` at a time; each makes a request. */
  async gather ({ port, workload: name, connections, keepAlive = true, atOnce = AT_ONCE }) {
    const workload = await import(`./workloads/${name}.js`)
    let failed
    broken = new Promise((_resolve, reject) => { failed = reject })
    broken.catch(() => {})
    crowd = Array.from({ length: connections }, () => new Client({ port, workload, keepAlive, failed }))
    for (let from = 0; from < connections; from += atOnce) {
      await orBroken(allSend(crowd.slice(from, from + atOnce)))
    }
  },

  /** Closed loop: every client sends its next request when the last one is answered, for so many seconds or until so many `requests` were sent. */
  async drive ({ seconds, requests: most = MOST_REQUESTS }) {
    const run = { done: false, begun: 0, most }
    const timer = setTimeout(() => { run.done = true }, seconds * 1000)
    const start = performance.now()
    try {
      const counts = await orBroken(Promise.all(crowd.map(client => visit(client, run))))
      return { requests: counts.reduce((sum, count) => sum + count, 0), seconds: (performance.now() - start) / 1000 }
    } finally {
      clearTimeout(timer)
    }
  },

  /**
   * Open loop: so many requests a second, with the gaps of a Poisson process, whether or not earlier ones were answered. One that finds no client free waits, and that counts.
   * Resolves to `times`, the milliseconds that each took from when this process found it due; and `late`, how long after it was due that was, which is what this process adds.
   */
  async offer ({ rate, seconds, seed }) {
    const random = stream(seed, 'arrivals')
    const free = [...crowd]
    const waiting = []
    const times = []
    const late = []
    let ended = () => {}
    const send = (client, since) => client.send(() => {
      times.push(performance.now() - since)
      if (waiting.length > 0) send(client, waiting.shift())
      else free.push(client)
      ended()
    })
    const start = performance.now()
    for (let due = gap(rate, random); due < seconds * 1000;) {
      const now = performance.now()
      for (; start + due <= now; due += gap(rate, random)) {
        late.push(now - start - due)
        if (free.length > 0) send(free.pop(), now)
        else waiting.push(now)
      }
      await delay(1)
    }
    await orBroken(new Promise(resolve => {
      ended = () => { if (times.length === late.length) resolve() }
      ended()
    }))
    return { times, late }
  },

  /** Every client sends a request; `finish` waits for the answers. */
  begin () {
    begun = allSend(crowd)
  },

  finish () {
    return orBroken(begun)
  },

  dismiss () {
    for (const client of crowd) client.close()
    crowd = []
  }
})

async function allSend (clients) {
  await Promise.all(clients.map(client => new Promise(resolve => client.send(resolve))))
}

function orBroken (promise) {
  return Promise.race([promise, broken])
}

/** One client until the run is over; resolves to how many of its requests were answered. */
function visit (client, run) {
  return new Promise(resolve => {
    let answered = -1
    const next = () => {
      answered++
      if (run.done || run.begun >= run.most) return resolve(answered)
      run.begun++
      client.send(next)
    }
    next()
  })
}

/** Milliseconds to the next request. */
function gap (rate, random) {
  return -1000 / rate * Math.log(1 - random())
}
