/**
 * One gateway process: the shipped `Upstream` — Balancer, policy, ejection, slow start, retries and their budget, queue, deadlines — on virtual time.
 * Only its connections are simulated: where undici would write to a socket, a job travels to a simulated server.
 */
import { checked, ClientClosedError, Exchange, noBody, Upstream, upstreamOption } from '../shipped.js'

/** Nobody reads its stack, and to make one for each client that leaves costs more than the rest of the request. */
const LEFT = new ClientClosedError()
const REFUSED = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', syscall: 'connect' })
const RESET = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' })

const NO_HEADERS = []

export class Gateway {
  /** Requests that came. */
  requests = 0
  /** Attempts begun for them. */
  attempts = 0
  /** How often a target was ejected. */
  ejections = 0
  #upstream
  #clock

  /**
   * @param options the upstream's, as users write them
   * @param serverOf the simulated server of a target, by its id
   * @param networkMs one way between gateway and server
   * @param report header fields of an answer, if any: see contestants.js
   */
  constructor (options, { clock, random, serverOf, networkMs, report }) {
    this.#clock = clock
    const settings = checked(upstreamOption, { ...options, random, now: clock.now, timers: clock }, 'upstream')
    this.#upstream = new SimulatedUpstream(settings, target => new Connections(this, { server: serverOf(target.id), clock, networkMs, report }))
    this.#upstream.on('target:ejected', () => { this.ejections++ })
  }

  get targets () { return this.#upstream.targets }
  get settings () { return this.#upstream.settings }

  add (target) { this.#upstream.add(target) }

  remove (id) { void this.#upstream.remove(id) }

  /** The policy's choice; nothing is sent. */
  pick (context) { return this.#upstream.pick(context) }

  /** Serves a request (see `request.js`); returns what gives it up. */
  serve (request) {
    this.requests++
    const { timeouts, retry } = this.#upstream.settings
    const context = request.key === undefined ? {} : { hashKey: request.key }
    const exchange = new Exchange(
      this.#upstream,
      // What would be header fields is the request itself: the simulated connection reads from it how much work it is.
      { method: 'GET', path: '/', headers: request, body: noBody, query: undefined, upgrade: null },
      context, request, timeouts, retry
    )
    exchange.start()
    return exchange
  }

  /** The client has left. */
  abort (exchange) {
    exchange.abort('client-aborted', LEFT)
  }
}

class SimulatedUpstream extends Upstream {
  #connect
  #connections = new Map()

  constructor (settings, connect) {
    super('simulated', settings, { ejection: settings.health.passive, initialHealth: 'unchecked', fault: error => { throw error } })
    this.#connect = connect
  }

  poolOf (target) {
    let connections = this.#connections.get(target)
    if (connections === undefined) this.#connections.set(target, connections = this.#connect(target))
    return connections
  }

  /** A question of the policy's, apart from requests. */
  ask (target, _path, timeoutMs, heard) {
    this.poolOf(target).ask(timeoutMs, heard)
  }
}

/** Stands where undici's pool would: takes attempts, and tells them what becomes of them in undici's words. */
class Connections {
  basePath = ''
  servername = undefined
  #gateway
  #route

  constructor (gateway, route) {
    this.#gateway = gateway
    this.#route = route
  }

  get pool () { return this }

  dispatch ({ headers: request }, attempt) {
    this.#gateway.attempts++
    const job = new Job(request, attempt, this.#route)
    attempt.connection = job
    job.send()
  }

  /** What a server says of itself is what is true when the question arrives. */
  ask (timeoutMs, heard) {
    const { server, clock, networkMs, report } = this.#route
    const answer = () => {
      if (server.down || 2 * networkMs > timeoutMs) return
      const fields = report(server, undefined, clock.now())
      clock.after(networkMs, heard, { status: 204, ttfbMs: 2 * networkMs, header: name => fieldOf(fields, name) })
    }
    clock.after(networkMs, answer, undefined)
  }
}

function fieldOf (fields, name) {
  const at = fields.findIndex((field, i) => i % 2 === 0 && field.toString() === name)
  return at === -1 ? undefined : fields[at + 1].toString()
}

/** One attempt on its way to the server and back. To the attempt it is the connection it is on. */
class Job {
  /** Requests that its connection has carried: it was open already. */
  served = 1
  multiplexed = false
  /** What it has broken down with. */
  error = null
  #attempt
  #server
  #clock
  #networkMs
  #report
  #status
  #headers = NO_HEADERS
  #dropped = false

  constructor (request, attempt, { server, clock, networkMs, report }) {
    this.work = request.work
    this.luck = request.luck
    this.#attempt = attempt
    this.#server = server
    this.#clock = clock
    this.#networkMs = networkMs
    this.#report = report
  }

  send () {
    if (this.#server.down) {
      this.#clock.after(2 * this.#networkMs, refuse, this)
      return
    }
    this.#server.committed++
    this.#attempt.onConnect()
    this.#attempt.onRequestSent()
    this.#clock.after(this.#networkMs, arrive, this)
  }

  /** The gateway has given it up: the connection is closed, which the server sees when it looks. */
  drop () {
    if (this.#dropped) return
    this.#dropped = true
    this.#server.committed--
    this.#clock.after(this.#networkMs, forget, this)
  }

  // ---- what the server says ---------------------------------------------------------------------------------------------

  worked () {
    if (this.#report !== undefined) this.#headers = this.#report(this.#server, this, this.#clock.now())
    this.answered(200)
  }

  answered (status) {
    this.#status = status
    if (!this.#dropped) this.#clock.after(this.#networkMs, deliver, this)
  }

  broke () {
    if (!this.#dropped) this.#clock.after(this.#networkMs, reset, this)
  }

  // ---- what happens in time ---------------------------------------------------------------------------------------------

  refused () { this.#attempt.onError(REFUSED) }

  arrived () {
    if (!this.#dropped) this.#server.receive(this)
  }

  forgotten () { this.#server.drop(this) }

  delivered () {
    if (!this.#finish()) return
    this.#attempt.onResponseStarted()
    this.#attempt.onHeaders(this.#status, this.#headers, resume, '')
    this.#attempt.onComplete(NO_HEADERS)
  }

  reset () {
    if (this.#finish()) this.#attempt.onError(RESET)
  }

  #finish () {
    if (this.#dropped) return false
    this.#dropped = true
    this.#server.committed--
    return true
  }
}

function arrive (job) { job.arrived() }
function deliver (job) { job.delivered() }
function forget (job) { job.forgotten() }
function refuse (job) { job.refused() }
function reset (job) { job.reset() }
function resume () {}
