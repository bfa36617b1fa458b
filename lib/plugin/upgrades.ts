/**
 * Upgrades on balanced routes (RFC 9110 §7.8): WebSocket, and what else an upstream names. Node hands such a connection to whoever listens for
 * 'upgrade', past the router. Here it goes through the router, so that hooks run, and each request goes through it once, also beside others who
 * listen: @fastify/websocket runs the router for all of us, and what is no business of ours is left to them.
 */
import { ServerResponse, type IncomingMessage, type Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { settleClientFields } from './client-fields.js'
import { stopHolding } from './pipelining.js'
import { closeWhenAnswered, Handshake, serveWithoutUpgrade, unanswered } from './handshake.js'

/** Whether an upstream takes connections that change to this protocol (in lower case). */
type Takes = (protocol: string) => boolean

/** Not in the types of the oldest Node that is supported. */
type DecidingServer = Server & { shouldUpgradeCallback?: (request: IncomingMessage) => boolean }

/** One listener per server, however often the plugin is registered. */
const ofServer = new WeakMap<object, Upgrades>()

export class Upgrades {
  readonly #fastify: FastifyInstance
  readonly #server: Server
  readonly #routes: Array<{ pattern: RegExp, takes: Takes }> = []
  readonly #handshakes = new WeakMap<IncomingMessage, Handshake>()

  static of (fastify: FastifyInstance): Upgrades {
    let upgrades = ofServer.get(fastify.server)
    if (upgrades === undefined) ofServer.set(fastify.server, upgrades = new Upgrades(fastify))
    return upgrades
  }

  private constructor (fastify: FastifyInstance) {
    this.#fastify = fastify
    this.#server = fastify.server
    // First of all listeners: what the others do is seen by what they have left.
    this.#server.prependListener('upgrade', this.#onUpgrade)
    this.#decideEarly()
  }

  /**
   * From Node 24.9 on, a server is asked for each request whether the event is to come at all. From 26 on what has a body must do without: that is
   * read apart from what follows it, so that the request could not be written down again.
   */
  #decideEarly (): void {
    const server = this.#server as DecidingServer
    const otherwise = server.shouldUpgradeCallback
    // c8 counts on an earlier Node.
    /* c8 ignore start */
    if (otherwise !== undefined) {
      server.shouldUpgradeCallback = request => !hasBody(request) || unanswered(request.socket) !== null ||
        (server.listenerCount('upgrade') > 1 && otherwise.call(server, request))
    }
    /* c8 ignore stop */
  }

  /** Requests for `url`, a pattern of a route, belong to an upstream. */
  add (url: string, takes: Takes): void {
    this.#routes.push({ pattern: patternOf(url), takes })
  }

  /** The connection that asks for an upgrade with this request, seen from a balanced route; undefined when it is none of ours. */
  handshake (request: FastifyRequest): Handshake | undefined {
    return this.#handshakes.get(request.raw)
  }

  /**
   * A balanced route has been reached with such a request. Somebody else may have run the router, and @fastify/websocket would take over the handler
   * of every request that it has put its mark on, the socket under a symbol: this one is ours.
   */
  adopt (request: FastifyRequest, reply: FastifyReply): void {
    const handshake = this.handshake(request)
    if (handshake === undefined) return
    handshake.answeredBy(reply.raw)
    const raw = request.raw as unknown as Record<symbol, unknown>
    for (const mark of Object.getOwnPropertySymbols(raw)) if (raw[mark] === handshake.socket) delete raw[mark]
    if ('ws' in request) request.ws = false
  }

  readonly #onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    stopHolding(socket as Socket)
    settleClientFields(request)
    const protocol = this.#claimed(request)
    if (protocol === undefined && this.#server.listenerCount('upgrade') > 1) return
    if (closeWhenAnswered(socket)) return
    if (protocol === undefined) {
      serveWithoutUpgrade(this.#server, request, socket, head)
      return
    }
    const handshake = new Handshake(protocol, socket, head)
    this.#handshakes.set(request, handshake)
    const { bytesWritten } = socket as unknown as { bytesWritten: number }
    process.nextTick(() => {
      if (socket.destroyed || (socket as unknown as { bytesWritten: number }).bytesWritten !== bytesWritten) return
      const response = new ServerResponse(request)
      try {
        response.assignSocket(socket as never)
      } catch {
        // It has a response: somebody has run the router.
        return
      }
      handshake.answeredBy(response)
      this.#fastify.routing(request, response)
    })
  }

  /**
   * The protocol to change to, when this request may be for an upstream that takes it. What has a body is no handshake of ours, and a client of HTTP/1.0
   * cannot ask for another protocol (RFC 9110 §7.8).
   */
  #claimed (request: IncomingMessage): string | undefined {
    if (hasBody(request) || request.httpVersion === '1.0') return undefined
    const { url, headers } = request
    const path = decoded(url!)
    const routes = this.#routes.filter(({ pattern }) => pattern.test(path))
    const protocols = headers.upgrade!.split(',').map(protocol => protocol.trim())
    return protocols.find(protocol => routes.some(({ takes }) => takes(protocol.toLowerCase())))
  }
}

/**
 * What the paths of a route look like, or a little more than that: which route it is in the end is for the router to say. Paths have single slashes
 * and none at their end (`decoded`), so that no part of the pattern can match what another part does: its cost is linear.
 */
function patternOf (url: string): RegExp {
  const segments = url.split('/').slice(1).map(segment => {
    if (segment.endsWith('*') && !segment.includes(':')) return `(?:/${escaped(segment.slice(0, -1))}.*)?`
    if (!segment.includes(':')) return segment === '' ? '' : `/${escaped(segment)}`
    return segment.endsWith('?') ? '(?:/[^/]*)?' : '/[^/]+'
  })
  return new RegExp(`^${segments.join('')}$`, 'i')
}

function hasBody ({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0
}

function escaped (text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}

/** The path of a request, decoded, with single slashes and none at its end. */
function decoded (url: string): string {
  let path = url.split('?', 1)[0]!
  try {
    path = decodeURIComponent(path)
  } catch {}
  return path.split(/\/+/).join('/').replace(/\/$/, '')
}
