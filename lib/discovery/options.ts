/** What finds the targets of an upstream, as it is written down. */
import { fault, isObject, type Check } from '../options.js'
import { dnsOption, type DnsDiscoveryOptions } from './dns.js'
import { HOLD } from './hold.js'
import { fileOption, type FileDiscoveryOptions } from './file.js'
import { redisOption, type RedisDiscoveryOptions } from './redis.js'
import type { DiscoverySettings, Source, TargetSet } from './source.js'
import { urlOption, type UrlDiscoveryOptions } from './url.js'

/**
 * Where targets come from: DNS, a file, an HTTP endpoint, Redis, or whatever yields whole sets of targets. When an iteration throws, the last good
 * set stays, and another is begun after a pause; when it ends, the last set stays for good. A function is called for each, with a signal that says
 * when it is not wanted any more; an object is asked for another, and a generator that has thrown has none.
 */
export type DiscoveryOptions =
  DnsDiscoveryOptions | FileDiscoveryOptions | UrlDiscoveryOptions | RedisDiscoveryOptions |
  AsyncIterable<TargetSet> | ((signal: AbortSignal) => AsyncIterable<TargetSet> | Promise<AsyncIterable<TargetSet>>)

const kinds: Record<string, Check<DiscoverySettings>> = { dns: dnsOption, file: fileOption, url: urlOption, redis: redisOption }

export const discoveryOption: Check<DiscoverySettings> = (value, path, faults) => {
  if (typeof value === 'function') return ownSource(({ signal }) => (value as (signal: AbortSignal) => unknown)(signal))
  if (isAsyncIterable(value)) return ownSource(() => value)
  const kind = isObject(value) ? Object.keys(kinds).find(name => value[name] !== undefined) : undefined
  if (kind !== undefined) return kinds[kind]!(value, path, faults)
  fault(faults, path, '{ dns }, { file }, { url }, { redis }, an AsyncIterable of sets of targets, or a function that returns one', value)
  return undefined as never
}

function ownSource (begin: (tools: Parameters<Source>[0]) => unknown): DiscoverySettings {
  return {
    kind: 'iterable',
    place: '',
    hold: HOLD,
    source: async tools => {
      const iterable = await begin(tools)
      if (!isAsyncIterable(iterable)) throw new TypeError('the function must return an AsyncIterable')
      return iterable
    }
  }
}

function isAsyncIterable (value: unknown): value is AsyncIterable<unknown> {
  return typeof (value as Partial<AsyncIterable<unknown>> | null | undefined)?.[Symbol.asyncIterator] === 'function'
}
