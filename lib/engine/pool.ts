/** Connections to one target. */
import { isIP, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { Client, Pool, type Dispatcher } from 'undici'
import { integer, milliseconds, object, optional, type Check } from '../options.js'
import { tlsOptions, type EngineTargetConfig, type TlsOptions } from './target-options.js'

export interface PoolOptions {
  /** Connections to one target at most. Requests above it wait in the upstream's queue, never in the pool. @default Infinity */
  connections?: number
  /**
   * Milliseconds an idle connection is kept. Keep it below the target's own idle timeout: whoever closes first should be the gateway. A
   * `Keep-Alive: timeout` of the target is honoured. @default 4_000
   */
  keepAliveTimeout?: number
  /** TLS to the targets. */
  tls?: TlsOptions
}

export interface PoolSettings { connections: number, keepAliveTimeout: number, tls: TlsOptions }

export const poolOptions = object<PoolSettings>({
  connections: optional(integer(1, Infinity), Infinity),
  keepAliveTimeout: optional(milliseconds(1), 4_000),
  tls: optional(tlsOptions, {}) as Check<TlsOptions>
})

/** Milliseconds before the target's announced idle timeout at which its connections are given up. */
const KEEP_ALIVE_MARGIN = 500

/** What undici calls in the course of a request; see `Attempt`. */
export interface ConnectionAware { connection?: Connection }

interface Where { servername?: string | null }

type Connect = (where: Where, callback: (error: Error | null, socket: Socket | null) => void) => unknown

/** A connection of the pool that knows whether it has carried a request before, and can be dropped. */
export class Connection extends Client {
  /** Requests begun on the present socket. */
  served = 0
  #socket: Socket | null = null

  constructor (origin: URL, { connect, ...options }: { connect: Connect }) {
    super(origin, {
      ...options,
      connect: ((where, callback) => connect(withoutIp(where), (error, socket) => {
        this.#socket = socket
        this.served = 0
        callback(error, socket)
      })) as Connect as never
    })
  }

  override dispatch (options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    (handler as ConnectionAware).connection = this
    return super.dispatch(options, handler)
  }

  /**
   * Ends the socket under a request that is given up. undici's own way, `abort`, would connect anew for the request that it has just taken away,
   * and leave the target with an idle connection for each client that left.
   */
  drop (reason: Error): void {
    this.#socket?.destroy(reason)
  }
}

/** An address is no name to ask for (RFC 6066 §3); the certificate is then verified against the address itself. */
function withoutIp (where: Where): Where {
  const { servername } = where
  return typeof servername === 'string' && isIP(servername.replace(/^\[|\]$/g, '')) !== 0 ? { ...where, servername: '' } : where
}

export class TargetPool {
  readonly pool: Pool
  readonly basePath: string
  /** Passed with every request: undici would take the client's `Host` otherwise. */
  readonly servername: string | undefined
  /** Connections that were upgraded, which undici forgets, and what ends each of them. */
  readonly upgraded: Map<Duplex, () => void>

  /** `upgraded`: of the pool that this one takes the place of. */
  constructor (config: EngineTargetConfig, settings: PoolSettings, connectTimeout: number, upgraded = new Map<Duplex, () => void>()) {
    this.upgraded = upgraded
    const tls = { ...settings.tls, ...config.tls }
    const { protocol, hostname } = new URL(config.origin)
    this.basePath = config.basePath
    this.servername = protocol === 'https:' ? tls.servername ?? hostname : undefined
    this.pool = new Pool(config.origin, {
      connections: settings.connections === Infinity ? null : settings.connections,
      pipelining: 1,
      factory: (origin, options) => new Connection(origin, options as { connect: Connect }),
      connect: { rejectUnauthorized: true, ...tls, ...(config.socketPath !== undefined && { socketPath: config.socketPath }) },
      // Our own deadline comes first; this one frees the socket that nobody waits for any more.
      connectTimeout: connectTimeout === 0 ? 0 : connectTimeout + 1_000,
      keepAliveTimeout: settings.keepAliveTimeout,
      keepAliveTimeoutThreshold: KEEP_ALIVE_MARGIN,
      headersTimeout: 0,
      bodyTimeout: 0
    })
  }

  /** Ends the connections that were upgraded; resolved when they are closed. */
  async cutUpgraded (): Promise<void> {
    const closed = [...this.upgraded.keys()].map(socket => new Promise(resolve => { socket.once('close', resolve) }))
    for (const cut of [...this.upgraded.values()]) cut()
    await Promise.all(closed)
  }

  /** Ends every connection now; what is in flight fails with `reason`. */
  async destroy (reason: Error): Promise<void> {
    await Promise.all([this.cutUpgraded(), this.pool.destroy(reason)])
  }
}
