/** One request of a Fastify route, proxied: what reply-from asks for on one side, the engine's exchange on the other. */
import { AsyncResource } from 'node:async_hooks'
import { STATUS_CODES } from 'node:http'
import type { ServerHttp2Stream } from 'node:http2'
import type { Duplex } from 'node:stream'
import type { FastifyReply } from 'fastify'
import type { Downstream } from '../engine/downstream.js'
import { Exchange } from '../engine/exchange.js'
import { isEventStream, oneValueEach, rawHeader, type FieldList, type Headers, type RawHeaders } from '../engine/headers.js'
import { Pace } from '../engine/body-rate.js'
import { readWhole } from '../engine/read-whole.js'
import { Tunnel } from '../engine/tunnel.js'
import { noBody, requestBody, StreamBody, type RequestBody } from '../engine/request-body.js'
import type { PickContext } from '../balancing/policy.js'
import { ClientClosedError } from '../errors.js'
import { stranger, type Visitor } from './affinity.js'
import { logFailedAttempts, logRefusal } from './attempt-log.js'
import { kPayload, type ClaimedRequest } from './body.js'
import { Buffered, isFull } from './buffered.js'
import type { ClientLimitSettings } from './client-limits.js'
import { enterSession, type ClientSession } from './client-session.js'
import { expectsContinue } from './expectations.js'
import type { Awaiting } from './forgotten-return.js'
import { fieldsOf } from './header-options.js'
import type { Entry } from './registry.js'
import { InterimResponses } from './interim.js'
import { isInTurn, mayNeverEnd, whenInTurn } from './pipelining.js'
import type { ProxiedOptions } from './proxied-options.js'
import { requestFields } from './request-headers.js'
import { ResponseBody, type ResponseSource } from './response-body.js'
import { bothCookies, responseHeaders } from './response-headers.js'
import { acceptsTrailers, allowedTrailers } from './trailers.js'

/**
 * Bodies announced as longer than this are passed on as they come. Others have a moment to arrive: what is here as a whole goes out in one write, which
 * costs half as much as a stream.
 */
const LONG_BODY = 131_072
/** That moment, in milliseconds. */
const MOMENT = 1
/** One read is enough for so many bytes, headers and all: there is nothing to wait for. */
const ONE_READ = 49_152

/** Whole bodies of up to so many bytes are not counted as buffered. */
const UNCOUNTED = 16_384

/** Characters of a reason phrase. undici counts them for nothing, and clients have limits for the line that it is on. */
const LONGEST_REASON = 512

/** Seconds after which a client that was refused may come again. */
const RETRY_AFTER = '1'

/** What reply-from takes for the response of its HTTP client. */
export interface ClientResponse {
  statusCode: number
  headers: Headers
  body: Buffer | ResponseBody | undefined
}

type Callback = (error: null, answer: ClientResponse) => void

export class Proxied implements Downstream, ResponseSource, PickContext, Awaiting {
  awaiting = true
  affinity: string | undefined
  readonly affinityRequired: boolean
  readonly hashKey: string | undefined
  tags: Record<string, string> | undefined
  readonly fallback: 'any' | 'none' | undefined
  tried: readonly string[] | undefined
  readonly #reply: FastifyReply
  readonly #entry: Entry
  readonly #options: ProxiedOptions
  #visitor = stranger
  /** Callbacks of sockets run in the context of whoever opened them: the request's own is put back. */
  readonly #scope = new AsyncResource('fastify-load-balancer')
  #fields: FieldList = []
  #callback: Callback | undefined
  #exchange: Exchange | undefined
  /** How fast the client sends its body. */
  #pace: Pace | undefined
  #interim: InterimResponses | undefined
  #answer: ClientResponse | undefined
  /** Chunks that came in one read with the headers. */
  #held: Buffer[] = []
  #body: ResponseBody | undefined
  /** Trailers that the target has announced. */
  #announced: string | undefined
  #resume: (() => void) | undefined
  /** The connection of a client of HTTP/2. */
  #session: ClientSession | undefined
  #buffered: Buffered | undefined
  #ended = false

  constructor (reply: FastifyReply, entry: Entry, options: ProxiedOptions) {
    this.#reply = reply
    this.#entry = entry
    this.#options = options
    this.hashKey = options.hashKey
    this.fallback = options.fallback
    this.affinityRequired = entry.affinity?.required ?? false
    this.#meet(entry.affinity === undefined ? stranger : entry.affinity.read(reply.request))
  }

  /** Whose client it is, and with that which version of the targets it gets. */
  #meet (visitor: Visitor): void {
    const { tags, split } = this.#options
    const { upstream } = this.#entry
    this.#visitor = visitor
    this.affinity = visitor.target
    this.tags = tags ?? split?.tagsFor(visitor.target === undefined ? undefined : upstream.targets.get(visitor.target), upstream.random)
  }

  get #limits (): ClientLimitSettings { return this.#reply.server.upstreams.clientLimits }

  /** The client's address, for policies that ask for it. */
  get address (): string { return this.#reply.request.ip }

  /** reply-from is about to send the request. */
  prepare (): void {
    this.#fields = requestFields(this.#reply.request, this.#entry.headers, this.#options.prefix)
  }

  /** reply-from wants the answer. */
  start (callback: Callback): void {
    const { raw, request } = this.#reply
    this.#callback = callback
    // HTTP/2's responses do not know that, their streams do.
    if (raw.destroyed || (raw as unknown as { stream?: ServerHttp2Stream }).stream?.destroyed === true) return
    if (request.raw.httpVersionMajor === 2) {
      this.#session = enterSession(request.raw, this.#limits.maxStreams)
      if (this.#session === undefined) return
    }
    raw.on('close', () => {
      this.#clientClosed()
      this.#buffered?.release()
    })
    if (this.#options.timed) this.#heedHandlerTimeout(request.signal)
    if (isInTurn(request.raw, raw)) this.#proceed()
    else whenInTurn(request.raw, raw, () => { this.#scope.runInAsyncScope(this.#proceed, this) })
  }

  #proceed (): void {
    if (this.#ended) return
    const { sought } = this.#visitor
    if (sought === undefined) this.#takeBody()
    else void sought.then(found => { this.#found(found) })
  }

  /** What other gateways know of the client is here, or is not waited for any more. */
  #found (visitor: Visitor): void {
    if (this.#ended) return
    try {
      this.#meet(visitor)
    } catch (error) {
      // Shares by a function of the user's own.
      this.failed(error as Error)
      return
    }
    this.#takeBody()
  }

  #takeBody (): void {
    const { request } = this.#reply
    const { payload, bodyLimit, retry } = this.#options
    const { upstream } = this.#entry
    const replayLimit = retry === false ? 0 : retry.replayLimit
    if (payload === null) {
      this.#begin(noBody)
    } else if (typeof payload === 'string' || Buffer.isBuffer(payload)) {
      this.#begin(requestBody(payload, replayLimit))
    } else if (payload === (request.raw as unknown) && Number(request.raw.headers['content-length']) <= replayLimit && !expectsContinue(request.raw)) {
      // Short, and its length is known: it is read before anybody is picked, and can then be sent as often as need be.
      readWhole(payload, upstream.deadlines, this.#options.timeouts.body, this.#watchPace(), (error, body) => { this.#scope.runInAsyncScope(this.#hasBody, this, error, body) })
    } else {
      this.#begin(new StreamBody(payload, replayLimit, bodyLimit, this.#watchPace()))
    }
  }

  #watchPace (): Pace | undefined {
    const { settings: { limits: { minBodyRate } }, clock } = this.#entry.upstream
    if (minBodyRate !== false) this.#pace = new Pace(minBodyRate, clock, this.#reply.request.raw)
    return this.#pace
  }

  #hasBody (error: Error | undefined, body: Buffer): void {
    if (this.#ended) return
    if (error !== undefined) {
      this.failed(error)
      return
    }
    // Should the user's error handler balance this request once more, there is nothing left to read.
    (this.#reply.request as ClaimedRequest)[kPayload] = body
    this.#begin(requestBody(body, 0))
  }

  /** Fastify's `handlerTimeout` answers in our place; the answer of the target must not come on top of it. */
  #heedHandlerTimeout (signal: AbortSignal): void {
    signal.addEventListener('abort', () => {
      if ((signal.reason as NodeJS.ErrnoException).code !== 'FST_ERR_HANDLER_TIMEOUT' || this.#ended) return
      this.#ended = true
      this.#answer = undefined
      this.#exchange?.abort('abandoned', signal.reason as Error)
    })
  }

  #begin (body: RequestBody): void {
    const { path, timeouts, retry, handshake } = this.#options
    const { request } = this.#reply
    const exchange = new Exchange(
      this.#entry.upstream,
      { method: request.method, path, headers: this.#fields, body, query: undefined, upgrade: handshake?.protocol ?? null },
      this, this, timeouts, retry
    )
    this.#exchange = exchange
    request.balancing = exchange.report
    exchange.start()
  }

  #clientClosed (): void {
    const { server } = this.#reply
    // A response whose headers went out before the server began to close has left its connection open: it is idle now, and would be waited for.
    if (server.upstreams.closing) setImmediate(() => { server.server.closeIdleConnections?.() })
    if (this.#ended) return
    const gone = !this.#reply.raw.writableFinished
    if (gone) this.#reply.request.log.info({ upstream: this.#entry.upstream.name, code: 'FST_LB_CLIENT_CLOSED', statusCode: 499 }, 'the client left')
    this.#exchange?.abort(gone ? 'client-aborted' : 'abandoned', new ClientClosedError())
    this.#ended = true
  }

  // ---- what the exchange tells ------------------------------------------------------------------------------------------

  informed (status: number, headers: RawHeaders): void {
    if (this.#answer === undefined) (this.#interim ??= new InterimResponses(this.#reply)).pass(status, headers)
  }

  responded (status: number, rawHeaders: RawHeaders, statusText: string, resume: () => void): boolean {
    const headers = this.#headersOf(status, rawHeaders)
    if (headers === undefined) return false
    this.#resume = resume
    this.#options.handshake?.drop()
    this.#pace?.stop()
    // HTTP/2 has none, and Node warns of one.
    const hasText = statusText !== STATUS_CODES[status] && this.#reply.request.raw.httpVersionMajor === 1
    if (hasText && statusText.length <= LONGEST_REASON && /^[\t\x20-\x7e]+$/.test(statusText)) this.#reply.raw.statusMessage = statusText
    if (isEventStream(rawHeaders) && this.#reply.request.raw.httpVersionMajor === 1) mayNeverEnd(this.#reply.request.raw.socket, this.#reply.raw)
    this.#answer = { statusCode: status, headers, body: undefined }
    this.#announced = acceptsTrailers(this.#reply.request) ? rawHeader(rawHeaders, 'trailer') : undefined
    const length = Number(headers['content-length'])
    if (length > LONG_BODY || isFull(this.#limits, this.#session)) this.#stream()
    else if (length > ONE_READ) this.#entry.upstream.clock.after(MOMENT, streamUnlessWhole, this)
    else process.nextTick(streamUnlessWhole, this)
    return true
  }

  /** What the client gets of a target's fields. Undefined: the user's hook has thrown, and the client is told so. */
  #headersOf (status: number, rawHeaders: RawHeaders): Headers | undefined {
    const { request } = this.#reply
    const headers = responseHeaders(status, rawHeaders, { request, entry: this.#entry, exchange: this.#exchange!, visitor: this.#visitor, options: this.#options })
    const { response: hook } = this.#entry.headers
    if (hook === undefined) return headers
    try {
      return fieldsOf('response', hook(request, headers))
    } catch (error) {
      this.#exchange!.abort('abandoned', error as Error)
      this.failed(error as Error)
      return undefined
    }
  }

  received (chunk: Buffer): boolean {
    if (this.#body !== undefined) return this.#body.receive(chunk)
    this.#held.push(chunk)
    return true
  }

  completed (trailers: RawHeaders): void {
    this.#ended = true
    this.#logAttempts()
    if (trailers.length > 0 && acceptsTrailers(this.#reply.request)) {
      // They follow a body that is streamed.
      if (this.#body === undefined) this.#stream()
      this.#reply.raw.addTrailers(allowedTrailers(trailers))
    }
    if (this.#body !== undefined) this.#body.push(null)
    else this.#deliverWhole()
  }

  failed (error: Error): void {
    this.#ended = true
    if (this.#body !== undefined) {
      const { raw } = this.#reply
      this.#logAttempts()
      this.#body.destroy(error)
      // A hook may have put another stream around it, which would hang, or end as if all were well.
      if (raw.headersSent && !raw.writableFinished) raw.destroy()
      return
    }
    // Headers may have come and wait to be delivered: there is still time to say what is wrong.
    this.#answer = undefined
    this.#scope.runInAsyncScope(this.#refuse, this, error)
  }

  /** The target has changed the protocol: so does the gateway, and passes on what comes. */
  upgraded (status: number, rawHeaders: RawHeaders, socket: Duplex): (() => void) | undefined {
    const reply = this.#reply
    const { protocol, socket: client } = this.#options.handshake!
    const headers = this.#headersOf(status, rawHeaders)
    if (headers === undefined) {
      socket.destroy()
      return undefined
    }
    this.#ended = true
    this.#logAttempts()
    reply.hijack()
    const set = reply.getHeaders() as Headers
    reply.raw.writeHead(status, { ...set, ...headers, ...bothCookies(set, headers), connection: 'Upgrade', upgrade: protocol })
    reply.raw.end()
    return new Tunnel(client, socket, protocol.toLowerCase(), this.#options.handshake!.leave(), this.#entry.upstream.clock).cut
  }

  #logAttempts (): void {
    logFailedAttempts(this.#reply.request.log, this.#exchange!.report)
  }

  // ---- what reply-from gets ---------------------------------------------------------------------------------------------

  /** @internal What came in one read is not all: the rest is passed on as it comes. */
  streamUnlessWhole (): void {
    if (this.#answer !== undefined && this.#body === undefined && !this.#ended) this.#stream()
  }

  #stream (): void {
    this.#body = new ResponseBody(this, this.#announced, this.#buffered = new Buffered(this.#limits, this.#session))
    for (const chunk of this.#held) this.#body.receive(chunk)
    this.#held = []
    this.#deliver(this.#body)
  }

  /** A response that is here as a whole goes out in one write. */
  #deliverWhole (): void {
    const held = this.#held
    if (held.length === 0 && this.#reply.request.method !== 'HEAD') {
      this.#deliver(undefined)
    } else if (held.length === 0 || this.#answer!.headers['content-type'] === undefined) {
      // Fastify would make up a type for a Buffer, and a length of 0 for the answer to a HEAD.
      this.#stream()
      this.#body!.push(null)
    } else {
      const body = held.length === 1 ? held[0]! : Buffer.concat(held)
      if (body.length > UNCOUNTED) {
        this.#buffered = new Buffered(this.#limits, this.#session)
        this.#buffered.set(body.length)
      }
      this.#deliver(body)
    }
  }

  #deliver (body: ClientResponse['body']): void {
    // reply-from would try to destroy a body that is no stream.
    /* c8 ignore next -- only between two events of an HTTP/2 stream that is reset: `aborted` is set a moment before 'close' */
    if (this.#reply.request.raw.aborted) return
    this.awaiting = false
    const answer = this.#answer!
    answer.body = body
    if (this.#reply.request.raw.httpVersionMajor === 2) oneValueEach(answer.headers)
    else this.#sayWhetherItCloses(answer.headers)
    try {
      this.#scope.runInAsyncScope(this.#callback!, undefined, null, answer)
      /* c8 ignore start -- Fastify catches what hooks throw; what is left are fields that Node refuses and we do not know of */
    } catch (error) {
      // Thrown into undici, it would leave the client waiting for ever.
      this.#reply.request.log.error({ err: error }, 'the response could not be delivered')
      this.#reply.raw.destroy()
    }
    /* c8 ignore stop */
  }

  #sayWhetherItCloses (headers: Headers): void {
    const { connection } = headers
    // Node would keep a connection whose response has other options for it, such as `upgrade`, also where the client has asked for its end.
    if (this.#reply.server.upstreams.closing) headers.connection = 'close'
    else if (connection !== undefined && !this.#reply.raw.shouldKeepAlive) headers.connection = `close, ${String(connection)}`
  }

  #refuse (error: Error & { statusCode?: number }): void {
    const reply = this.#reply
    this.awaiting = false
    logRefusal(reply.request.log, this.#entry.upstream.name, error, this.#exchange?.report.attempts)
    if (reply.sent || reply.raw.headersSent || reply.raw.destroyed) return
    if (error.statusCode === 503) reply.header('retry-after', RETRY_AFTER)
    // The rest of its body would stand between this connection and the next request.
    if (!reply.request.raw.complete && reply.request.raw.httpVersionMajor === 1) reply.header('connection', 'close')
    reply.send(error)
  }

  // ---- what the body asks -----------------------------------------------------------------------------------------------

  resume (): void { this.#resume!() }

  abandon (): void {
    if (!this.#ended) this.#clientClosed()
  }
}

function streamUnlessWhole (proxied: Proxied): void {
  proxied.streamUnlessWhole()
}
