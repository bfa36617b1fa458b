/** What is used of a Redis client of the user's own: what ioredis and node-redis have in common, and where they differ. Neither is a dependency. */

/** A client of ioredis. */
export interface IoRedisClient {
  /** The command `TYPE`. */
  type (key: string): Promise<string>
  /** The command `GET`. */
  get (key: string): Promise<string | null>
  /** The command `HGETALL`. */
  hgetall (key: string): Promise<Record<string, string>>
  /** Another connection of the same settings, for messages. */
  duplicate (): IoRedisSubscriber
}

/** A connection of ioredis for messages. */
export interface IoRedisSubscriber extends RedisSubscriber {
  /** The command `SUBSCRIBE`. */
  subscribe (channel: string): Promise<unknown>
}

/** A client of node-redis, version 4 or later. */
export interface NodeRedisClient {
  /** The command `TYPE`. */
  type (key: string): Promise<string>
  /** The command `GET`. */
  get (key: string): Promise<string | null>
  /** The command `HGETALL`. */
  hGetAll (key: string): Promise<Record<string, string>>
  /** Another connection of the same settings, for messages. */
  duplicate (): NodeRedisSubscriber
}

/** A connection of node-redis for messages. */
export interface NodeRedisSubscriber extends RedisSubscriber {
  /** Opens the connection. */
  connect (): Promise<unknown>
  /** The command `SUBSCRIBE`. */
  subscribe (channel: string, listener: (message: string) => void): Promise<unknown>
}

/** A connection of its own, for messages. */
export interface RedisSubscriber {
  /** Listens to `error`, `ready` and, with ioredis, `message`. */
  on (event: string, listener: (...args: any[]) => void): unknown
  /** Closes it. */
  disconnect (): unknown
}

/** A client of the user's own: of ioredis, or of node-redis. */
export type RedisClient = IoRedisClient | NodeRedisClient

export function isRedisClient (value: unknown): value is RedisClient {
  const { type, get, hgetall, hGetAll, duplicate } = (value ?? {}) as Record<string, unknown>
  return [type, get, hgetall ?? hGetAll, duplicate].every(method => typeof method === 'function')
}

export function hashAt (client: RedisClient, key: string): Promise<Record<string, string>> {
  return 'hGetAll' in client ? client.hGetAll(key) : client.hgetall(key)
}

/** What is told of a channel. */
export interface Listener {
  heard (message: string): void
  /** Messages may have been missed: the connection is new. */
  missed (): void
}

/**
 * Listens to what is published on `channel`, on a connection of its own. What fails there is not told: whoever listens looks from time to time, too.
 * @returns what ends it
 */
export function listen (client: RedisClient, channel: string, listener: Listener): () => void {
  const subscriber = 'hGetAll' in client ? listenByNodeRedis(client.duplicate(), channel, listener) : listenByIoRedis(client.duplicate(), channel, listener)
  return () => { void end(subscriber).catch(ignored) }
}

function listenByIoRedis (subscriber: IoRedisSubscriber, channel: string, { heard, missed }: Listener): RedisSubscriber {
  const subscribe = (): void => { subscriber.subscribe(channel).then(missed, ignored) }
  subscriber.on('error', ignored)
  subscriber.on('message', (_channel: string, message: string) => { heard(message) })
  // What it is told before there is a connection, it gives up when that takes long.
  subscriber.on('ready', subscribe)
  subscribe()
  return subscriber
}

function listenByNodeRedis (subscriber: NodeRedisSubscriber, channel: string, { heard, missed }: Listener): RedisSubscriber {
  subscriber.on('error', ignored)
  subscriber.on('ready', missed)
  subscriber.connect().then(() => subscriber.subscribe(channel, heard)).then(missed, ignored)
  return subscriber
}

/** A promise in any case: node-redis throws at once when there is no connection. */
async function end (subscriber: RedisSubscriber): Promise<void> {
  await subscriber.disconnect()
}

function ignored (): void {}
