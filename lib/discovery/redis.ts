/** Targets under a key of Redis. */
import type { Duration } from '../duration.js'
import { fault, milliseconds, object, optional, refuse, string, type Check } from '../options.js'
import { targetsIn } from './document.js'
import { AbsentError, HOLD, holdOption, type Hold, type HoldOptions } from './hold.js'
import { Pauses } from '../engine/pauses.js'
import { parseJson } from '../bounded-json.js'
import { hashAt, isRedisClient, listen, type RedisClient } from '../redis-client.js'
import type { DiscoverySettings, Source } from './source.js'
import { within } from '../engine/within.js'

/**
 * A hash of targets by id, each a url or an object as JSON without the id; or a string, with a list of targets as JSON. A key that is gone, and a
 * Redis that is gone, leave the last good set.
 */
export interface RedisDiscoveryOptions {
  /** The user's own client: of ioredis, or of node-redis and connected. It stays theirs: it is only read with, and never closed. */
  redis: RedisClient
  /** The key. */
  key: string
  /**
   * Publish anything there after a change, and it is seen at once. Listening takes a connection of its own, made by the client's `duplicate()`.
   * @default none
   */
  channel?: string
  /** Milliseconds between looks when nothing is published. @default 10_000 */
  interval?: Duration
  /** Milliseconds for one look. @default 5_000 */
  timeout?: Duration
  /** How long targets stay that are not found any more. @default {} */
  hold?: HoldOptions
}

interface RedisSettings { redis: RedisClient, key: string, channel: string | undefined, interval: number, timeout: number, hold: Hold }

const client: Check<RedisClient> = (value, path, faults) => {
  if (!isRedisClient(value)) fault(faults, path, 'a client of ioredis or node-redis', value)
  return value as RedisClient
}

const redisFields = object<RedisSettings>({
  redis: client,
  key: string,
  channel: optional(string),
  interval: optional(milliseconds(1, 100), 10_000),
  timeout: optional(milliseconds(1, 50), 5_000),
  hold: holdOption(HOLD)
})

export const redisOption: Check<DiscoverySettings> = (value, path, faults) => {
  const settings = redisFields(value, path, faults)
  return { kind: 'redis', place: settings.key, hold: settings.hold, source: redisSource(settings) }
}

function redisSource ({ redis, key, channel, interval, timeout }: RedisSettings): Source {
  let looking: Promise<unknown> | undefined
  // While Redis is away, clients keep what they are asked until it is back: one question is enough.
  const look = (): Promise<unknown> => {
    looking ??= targetsAt(redis, key).finally(() => { looking = undefined })
    return looking
  }
  return async function * (tools) {
    const pauses = new Pauses(tools)
    const end = channel === undefined ? undefined : listen(redis, channel, { heard: pauses.wake, missed: pauses.wake })
    try {
      while (!tools.signal.aborted) {
        yield await within(timeout, tools, look)
        await pauses.pause(interval)
      }
    } finally {
      end?.()
    }
  }
}

async function targetsAt (redis: RedisClient, key: string): Promise<unknown> {
  const type = await redis.type(key)
  if (type === 'hash') return fromHash(await hashAt(redis, key))
  if (type === 'string') return targetsIn(parseJson(String(await redis.get(key))))
  throw type === 'none' ? new AbsentError('there is no such key') : new Error(`expected a hash or a string, got a ${type}`)
}

/** In the order of their ids, since Redis has none. */
function fromHash (hash: Record<string, string>): unknown {
  const faults: string[] = []
  const targets = Object.keys(hash).sort().map(id => {
    const text = hash[id]!
    return text.trimStart().startsWith('{') ? { ...parsed(text, id, faults), id } : { url: text, id }
  })
  refuse(faults)
  return targets
}

function parsed (text: string, id: string, faults: string[]): object {
  try {
    return parseJson(text) as object
  } catch (error) {
    faults.push(`[${JSON.stringify(id)}]: expected a url, or a target as JSON: ${(error as Error).message}`)
    return {}
  }
}
