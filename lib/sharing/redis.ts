/** Many gateways that share by one Redis. */
import { fault, object, refuse } from '../options.js'
import { hashAt, isRedisClient, listen, type IoRedisClient, type NodeRedisClient } from '../redis-client.js'
import { sharingFields } from './options.js'
import type { SharedOptions, SharedStore, StoreListener } from './store.js'

/** What is used of a client of the user's own, beside what discovery uses: ioredis, or node-redis from version 4 on. */
export type SharedRedisClient = SharedIoRedisClient | SharedNodeRedisClient

/** A client of ioredis, as sharing uses it. */
export interface SharedIoRedisClient extends IoRedisClient {
  /** The command `PUBLISH`. */
  publish (channel: string, message: string): Promise<unknown>
  /** The command `HSET`. */
  hset (key: string, field: string, value: string): Promise<unknown>
  /** The command `HDEL`. */
  hdel (key: string, field: string): Promise<unknown>
  /** The command `PSETEX`. */
  psetex (key: string, ms: number, value: string): Promise<unknown>
}

/** A client of node-redis, version 4 or later, as sharing uses it. */
export interface SharedNodeRedisClient extends NodeRedisClient {
  /** The command `PUBLISH`. */
  publish (channel: string, message: string): Promise<unknown>
  /** The command `HSET`. */
  hSet (key: string, field: string, value: string): Promise<unknown>
  /** The command `HDEL`. */
  hDel (key: string, field: string): Promise<unknown>
  /** The command `PSETEX`. */
  pSetEx (key: string, ms: number, value: string): Promise<unknown>
}

/** How gateways share by one Redis. */
export interface RedisSharingOptions {
  /** Begins the names of keys and of the channel. Gateways with the same prefix, and the same Redis, share. @default 'fastify-lb' */
  prefix?: string
  /** Who probes a target: `each` gateway for itself, or `one` of them for all. @default 'each' */
  probes?: 'each' | 'one'
}

const redisOptions = object<Required<RedisSharingOptions>>(sharingFields)

/**
 * For the option `shared`: what is changed at run time, and learned sessions, reach every gateway by a Redis. The client stays yours: it is used as
 * it is, and never closed; to listen, it is duplicated. Keys: `<prefix>:changes`, a hash; `<prefix>:session:…`, which expire; and the channel
 * `<prefix>:said`. Throws `FST_LB_INVALID_OPTIONS`.
 */
export function redis (client: SharedRedisClient, options: RedisSharingOptions = {}): SharedOptions {
  const faults: string[] = []
  if (!isRedisClient(client) || !canWrite(client)) fault(faults, 'shared: redis(client)', 'a client of ioredis or node-redis', client)
  const { prefix, probes } = redisOptions(options, 'shared: redis(client, options)', faults)
  refuse(faults)
  return { store: new RedisStore(client, prefix), probes }
}

function canWrite (client: object): boolean {
  const { publish, hset, hdel, psetex, hSet, hDel, pSetEx } = client as Record<string, unknown>
  return [publish, hset ?? hSet, hdel ?? hDel, psetex ?? pSetEx].every(method => typeof method === 'function')
}

class RedisStore implements SharedStore {
  readonly #client: SharedRedisClient
  readonly #prefix: string
  #end: (() => void) | undefined

  constructor (client: SharedRedisClient, prefix: string) {
    this.#client = client
    this.#prefix = prefix
  }

  open (listener: StoreListener): void {
    this.#end = listen(this.#client, `${this.#prefix}:said`, listener)
  }

  async publish (message: string): Promise<void> {
    await this.#client.publish(`${this.#prefix}:said`, message)
  }

  async put (key: string, value: string): Promise<void> {
    const client = this.#client
    await ('hSet' in client ? client.hSet(this.#changes, key, value) : client.hset(this.#changes, key, value))
  }

  async drop (key: string): Promise<void> {
    const client = this.#client
    await ('hDel' in client ? client.hDel(this.#changes, key) : client.hdel(this.#changes, key))
  }

  async held (): Promise<Record<string, string>> {
    return hashAt(this.#client, this.#changes)
  }

  async remember (key: string, value: string, ttl: number): Promise<void> {
    const client = this.#client
    await ('pSetEx' in client ? client.pSetEx(this.#session(key), ttl, value) : client.psetex(this.#session(key), ttl, value))
  }

  async recall (key: string): Promise<string | null> {
    return this.#client.get(this.#session(key))
  }

  close (): void {
    this.#end?.()
  }

  get #changes (): string { return `${this.#prefix}:changes` }

  #session (key: string): string { return `${this.#prefix}:session:${key}` }
}
