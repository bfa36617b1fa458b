/** Connections to one target. */
import { isIP, type Socket } from 'node:net'
import { Readable, type Duplex } from 'node:stream'
import { Client, Pool, type Dispatcher } from 'undici'
import type { Duration } from '../duration.js'
import { boolean, integer, milliseconds, object, optional, type Check } from '../options.js'
import { fixedLookup } from './fixed-lookup.js'
import { hearInterimResponses, type InterimListener } from './http2-interim.js'
import { correctParser } from './response-parser.js'
import { tlsOptions, type EngineTargetConfig, type TlsOptions } from './target-options.js'

/** The connections to each target. */
export interface PoolOptions {
  /**
   * Connections to one target at most, and thereby requests in flight to it (see `limits.maxRequests`). Further requests wait in `limits.queue`.
   * @default Infinity
   */
  connections?: number
  /**
   * Milliseconds an idle connection is kept. Keep it below the target's own idle timeout: whoever closes first should be the gateway. A
   * `Keep-Alive: timeout` of the target is honoured. @default 4_000
   */
  keepAliveTimeout?: Duration
  /**
   * HTTP/2 to the targets, through undici's support of it, which is young: offered to `https:` targets (ALPN), taken for granted with `http:` ones
   * (h2c). A target that announces its end (GOAWAY) loses the requests it has; bodies that stream want a connection each; WebSockets go over
   * HTTP/1.1. @default false
   */
  http2?: boolean
  /** TLS to the targets. @default {} */
  tls?: TlsOptions
}

export interface PoolSettings { connections: number, keepAliveTimeout: number, http2: boolean, tls: TlsOptions }

export const poolOptions = object<PoolSettings>({
  connections: optional(integer(1, Infinity), Infinity),
  keepAliveTimeout: optional(milliseconds(1, 150), 4_000),
  http2: optional(boolean, false),
  tls: optional(tlsOptions, {}) as Check<TlsOptions>
})

/** Milliseconds before the target's announced idle timeout at which its connections are given up. */
const KEEP_ALIVE_MARGIN = 500

/** Requests at a time on one connection of HTTP/2, which is what a server of Node's allows. */
const STREAMS = 100

/** Methods that undici expects a body of. */
const PAYLOAD = new Set(['POST', 'PUT', 'PATCH'])

/** What undici calls in the course of a request; see `Attempt`. */
export interface ConnectionAware {
  connection?: Connection
  /** The request has ended, however it did. */
  readonly over: boolean
}

interface Where { servername?: string | null }

type Connect = (where: Where, callback: (error: Error | null, socket: Socket | null) => void) => unknown

/** A connection of the pool that knows whether it has carried a request before, and can be dropped. */
export class Connection extends Client {
  /** Requests begun on the present socket. */
  served = 0
  /** It speaks HTTP/2: requests share it. */
  multiplexed = false
  /** The attempt that undici has told to begin, until its stream of HTTP/2 is open. */
  opening: InterimListener | undefined
  #socket: Socket | null = null

  constructor (origin: URL, { connect, ...options }: { connect: Connect }) {
    super(origin, {
      ...options,
      connect: ((where, callback) => connect(withoutIp(where), (error, socket) => {
        this.#socket = socket
        this.served = 0
        this.multiplexed = (socket as { alpnProtocol?: string } | null)?.alpnProtocol === 'h2'
        this.pipelining = this.multiplexed ? STREAMS : 1
        callback(error, socket)
      })) as Connect as never
    })
    this.on('connect', () => {
      correctParser(this.#socket!)
      hearInterimResponses(this.#socket!, this.#takeOpening)
    })
  }

  override dispatch (options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    (handler as unknown as ConnectionAware).connection = this
    // undici's pool waits for a 'drain' of a connection that says false. After a request that undici refuses there is none, and the connection would
    // never be used again.
    return super.dispatch(options, handler) || (handler as unknown as ConnectionAware).over
  }

  readonly #takeOpening = (): InterimListener | undefined => {
    const { opening } = this
    this.opening = undefined
    return opening
  }

  /** What the present connection has broken down with; null for one that has not. */
  get error (): Error | null { return this.#socket?.errored ?? null }

  /**
   * Ends the socket under a request that is given up. undici's own way, `abort`, would connect anew for the request that it has just taken away,
   * and leave the target with an idle connection for each client that left.
   */
  drop (reason: Error): void {
    this.#socket?.destroy(reason)
  }
}

/** What a pool of undici makes its connections with. */
export function connectionTo (origin: URL, options: object): Connection {
  return new Connection(origin, options as { connect: Connect })
}

/** An address is no name to ask for (RFC 6066 §3); the certificate is then verified against the address itself. */
function withoutIp (where: Where): Where {
  const { servername } = where
  return typeof servername === 'string' && isIP(servername.replace(/^\[|\]$/g, '')) !== 0 ? { ...where, servername: '' } : where
}

/** Upgrades, and the body of a GET or HEAD, which undici ends with its headers on HTTP/2: the target would take it for whole without its body. */
function isForHttp1 ({ upgrade, method, body }: Dispatcher.DispatchOptions): boolean {
  if (upgrade !== null && upgrade !== undefined) return true
  return (method === 'GET' || method === 'HEAD') && body !== null && body !== undefined && !(Buffer.isBuffer(body) && body.length === 0)
}

export class TargetPool {
  readonly #config: EngineTargetConfig
  readonly #settings: PoolSettings
  readonly #connectTimeout: number
  readonly #pool: Pool
  /** HTTP/1.1 for what cannot be sent otherwise, where the rest is HTTP/2. */
  #http1Pool: Pool | undefined
  /** Those that this one has taken the place of: they close when what is in flight on them has ended. */
  readonly #outgoing = new Set<Pool>()
  readonly basePath: string
  /** Passed with every request: undici would take the client's `Host` otherwise. */
  readonly servername: string | undefined
  /** Connections that were upgraded, which undici forgets, and what ends each of them. */
  readonly upgraded: Map<Duplex, () => void>

  /** `before`: the pool that this one takes the place of. Nothing new is sent there, and what is still in flight ends with this one at the latest. */
  constructor (config: EngineTargetConfig, settings: PoolSettings, connectTimeout: number, before?: TargetPool) {
    this.#config = config
    this.#settings = settings
    this.#connectTimeout = connectTimeout
    this.upgraded = before?.upgraded ?? new Map()
    const { protocol, hostname } = new URL(config.origin)
    this.basePath = config.basePath
    this.servername = protocol === 'https:' ? config.tls.servername ?? settings.tls.servername ?? hostname : undefined
    this.#pool = this.#open(settings.http2)
    if (before !== undefined) for (const pool of before.#pools()) this.#letEnd(pool)
  }

  #letEnd (pool: Pool): void {
    const ended = (): void => { this.#outgoing.delete(pool) }
    this.#outgoing.add(pool)
    // It is refused by one that has been closed already.
    pool.close().then(ended, ended)
  }

  /** Connections that are open, upgraded ones included. */
  get size (): number {
    return this.#pools().reduce((sum, { stats }) => sum + stats.connected, this.upgraded.size)
  }

  dispatch (options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    if (!this.#settings.http2) {
      this.#pool.dispatch(options, handler)
    } else if (isForHttp1(options)) {
      this.#http1Pool ??= this.#open(false)
      this.#http1Pool.dispatch(options, handler)
    } else {
      // undici would have each POST wait for what is in flight on its connection. That one is sent no second time is seen to by the attempt.
      options.idempotent = true
      // Nor does it get along with a body that is there as a whole, on methods that seldom have one.
      if (!PAYLOAD.has(options.method) && (typeof options.body === 'string' || Buffer.isBuffer(options.body))) options.body = Readable.from([options.body])
      this.#pool.dispatch(options, handler)
    }
  }

  #open (http2: boolean): Pool {
    const { origin, socketPath, address, tls } = this.#config
    const { connections, keepAliveTimeout, tls: commonTls } = this.#settings
    return new Pool(origin, {
      connections: connections === Infinity ? null : connections,
      pipelining: 1,
      factory: connectionTo,
      allowH2: http2,
      connect: {
        rejectUnauthorized: true,
        ...commonTls,
        ...tls,
        ...(socketPath !== undefined && { socketPath }),
        ...fixedLookup(address),
        ...(http2 && origin.startsWith('http:') && { useH2c: true })
      } as never,
      // Our own deadline comes first; this one frees the socket that nobody waits for any more.
      connectTimeout: this.#connectTimeout === 0 ? 0 : this.#connectTimeout + 1_000,
      keepAliveTimeout,
      keepAliveTimeoutThreshold: KEEP_ALIVE_MARGIN,
      headersTimeout: 0,
      bodyTimeout: 0
    })
  }

  #pools (): Pool[] {
    return [this.#pool, ...(this.#http1Pool === undefined ? [] : [this.#http1Pool]), ...this.#outgoing]
  }

  /** Ends the connections that were upgraded; resolved when they are closed. */
  async cutUpgraded (): Promise<void> {
    const closed = [...this.upgraded.keys()].map(socket => new Promise(resolve => { socket.once('close', resolve) }))
    for (const cut of [...this.upgraded.values()]) cut()
    await Promise.all(closed)
  }

  /** Ends every connection now; what is in flight fails with `reason`. */
  async destroy (reason: Error): Promise<void> {
    await Promise.all([this.cutUpgraded(), ...this.#pools().map(pool => pool.destroy(reason))])
  }
}
