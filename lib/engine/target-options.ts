import { isIP } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import type { Duration } from '../duration.js'
import { boolean, fault, integer, object, optional, record, string, type Check } from '../options.js'
import { atOnce } from './slices.js'
import type { TargetConfig } from '../balancing/target.js'

/** TLS to targets. Certificates are verified unless `rejectUnauthorized` is false. */
export interface TlsOptions {
  /** Certificate authorities to trust instead of the system's, as PEM. @default the system's */
  ca?: ConnectionOptions['ca']
  /** Certificate of the gateway, as PEM, for targets that ask for one. @default none */
  cert?: ConnectionOptions['cert']
  /** Key of `cert`, as PEM. @default none */
  key?: ConnectionOptions['key']
  /** Name to ask for (SNI) and to verify. Never taken from the client's `Host`. @default the url's host name */
  servername?: string
  /** False accepts any certificate: whoever sits in between can read and change everything. @default true */
  rejectUnauthorized?: boolean
}

/** One backend server. */
export interface TargetOptions {
  /**
   * Where it is: `http://host:port`, `https://host:port` or `unix:/path/to/socket`. May carry a base path that is put before the request's
   * path (`http://host/base`, `unix:/path/to/socket:/base`). Query, fragment and credentials are refused.
   */
  url: string
  /**
   * Its name, unique in the upstream: state, health and affinity are kept by it. @default the origin of `url`, with `address` in place of its host
   */
  id?: string
  /**
   * IP address to connect to; the host of `url` is then not looked up any more. `Host`, TLS and everything else stay as the url says, as with
   * `--resolve` of curl. Another address under the same id is another server.
   * @default none
   */
  address?: string
  /** Share of new clients relative to the other targets, 0 to 256. 0: only clients that belong to it already. @default 1 */
  weight?: number
  /** Priority level: 1 is used when too little of 0 is left (nginx `backup`), and so on. @default 0 */
  tier?: number
  /** Names and values to choose targets by. @default {} */
  tags?: Record<string, string>
  /** Limits of this target; what is absent is taken from the upstream's `limits`. @default {} */
  limits?: {
    /** Requests in flight to it at most. @default the upstream's `limits.maxRequests` */
    maxRequests?: number
  }
  /** TLS of this target; what is absent is taken from the upstream's `pool.tls`. @default {} */
  tls?: TlsOptions
}

/** A target as the engine keeps it: `url` taken apart. */
export interface EngineTargetConfig extends TargetConfig {
  readonly origin: string
  /** Put before each path; without a slash at its end. */
  readonly basePath: string
  readonly socketPath: string | undefined
  readonly tls: TlsOptions
  /** As written; `undefined` takes the upstream's. */
  readonly ownLimit: number | undefined
}

const pem: Check<ConnectionOptions['ca']> = (value, path, faults) => {
  const parts = Array.isArray(value) ? value : [value]
  if (!parts.every(part => typeof part === 'string' || Buffer.isBuffer(part))) fault(faults, path, 'PEM text or a Buffer, or an array of them', value)
  return value as ConnectionOptions['ca']
}

/** The same object for all targets without options of TLS: comparing it is enough to see that nothing has changed. */
const NO_TLS: TlsOptions = Object.freeze({})

export const tlsOptions = object<TlsOptions>({
  ca: optional(pem),
  cert: optional(pem as Check<ConnectionOptions['cert']>),
  key: optional(pem as Check<ConnectionOptions['key']>),
  servername: optional(string),
  rejectUnauthorized: optional(boolean)
} as never)

export const maxRequestsOption = integer(1, Infinity)

const tag: Check<string> = (value, path, faults) => {
  if (typeof value !== 'string') fault(faults, path, 'a string', value)
  return value as string
}

export const weightOption = integer(0, 256)
export const tierOption = integer(0, 100)
export const tagsOption = record(tag)

const addressOption: Check<string> = (value, path, faults) => {
  if (typeof value !== 'string' || isIP(value) === 0) fault(faults, path, 'an IP address', value)
  return value as string
}

const fields = object<TargetOptions>({
  url: string,
  id: optional(string),
  address: optional(addressOption),
  weight: optional(weightOption, 1),
  tier: optional(tierOption, 0),
  tags: optional(tagsOption, {}),
  limits: optional(object<{ maxRequests?: number }>({ maxRequests: optional(maxRequestsOption) as Check<number> })),
  tls: optional(tlsOptions)
} as never)

/** A url, or an object with one. */
export const targetOption: Check<EngineTargetConfig> = (value, path, faults) => {
  const before = faults.length
  const options = fields(typeof value === 'string' ? { url: value } : value, path, faults)
  const urlPath = typeof value === 'string' ? path : `${path}.url`
  // A fault with the url as such (absent, not a string) has been told already.
  if (typeof options.url !== 'string' || (faults.length > before && options.url === '')) return undefined as never
  const place = locate(options.url)
  if (place === undefined) {
    fault(faults, urlPath, "a url: 'http://host:port', 'https://host:port' or 'unix:/path/to/socket', without query, fragment or credentials", withoutCredentials(options.url))
    return undefined as never
  }
  const { address } = options
  if (address !== undefined && place.socketPath !== undefined) faults.push(`${path}.address: expected nothing, since the url is that of a socket`)
  return {
    id: options.id ?? (address === undefined ? place.name : withAddress(place.origin, address)),
    url: options.url,
    address,
    weight: options.weight!,
    tier: options.tier!,
    tags: options.tags!,
    maxRequests: Infinity,
    ownLimit: options.limits?.maxRequests,
    origin: place.origin,
    basePath: place.basePath,
    socketPath: place.socketPath,
    tls: options.tls ?? NO_TLS
  }
}

/** Targets with distinct ids. */
export const targetsOption: Check<EngineTargetConfig[]> = (value, path, faults) => atOnce(checkingTargets(value, path, faults))

/** Targets that are checked in a few milliseconds. */
const SLICE = 500

/** The same in slices. */
export function * checkingTargets (value: unknown, path: string, faults: string[]): Generator<undefined, EngineTargetConfig[]> {
  if (!Array.isArray(value)) {
    fault(faults, path, 'an array of urls or targets', value)
    return []
  }
  const placeOf = (i: number): string => path === '' ? `[${i}]` : `${path}[${i}]`
  const seen = new Map<string, number>()
  const configs: EngineTargetConfig[] = []
  for (let i = 0; i < value.length; i++) {
    const config = targetOption(value[i], placeOf(i), faults)
    configs.push(config)
    if ((i + 1) % SLICE === 0) yield
    if (config === undefined) continue
    const other = seen.get(config.id)
    if (other !== undefined) faults.push(`${placeOf(i)}.id: expected an id of its own, got ${JSON.stringify(config.id)}, which is the id of ${placeOf(other)}`)
    seen.set(config.id, i)
  }
  return configs
}

function locate (url: string): { name: string, origin: string, basePath: string, socketPath: string | undefined } | undefined {
  const unix = /^unix:(\/[^:?#]+)(?::(\/[^?#]*))?$/.exec(url)
  if (unix !== null) {
    return { name: `unix:${unix[1]!}`, origin: 'http://localhost', basePath: trimSlash(unix[2] ?? ''), socketPath: unix[1] }
  }
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed === undefined || (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')) return undefined
  if (parsed.search !== '' || parsed.hash !== '' || parsed.username !== '' || parsed.password !== '') return undefined
  return { name: parsed.origin, origin: parsed.origin, basePath: trimSlash(parsed.pathname), socketPath: undefined }
}

function withAddress (origin: string, address: string): string {
  const url = new URL(origin)
  url.hostname = isIP(address) === 6 ? `[${address}]` : address
  return url.origin
}

/** The url for a message, which ends up in logs. */
function withoutCredentials (url: string): string {
  const at = url.indexOf('@')
  const start = Math.max(url.lastIndexOf('/', at), url.lastIndexOf('\\', at)) + 1
  return at === -1 ? url : `${url.slice(0, start)}…${url.slice(at)}`
}

function trimSlash (path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path
}

/** What `upstream.update()` may change. */
export interface TargetUpdateOptions {
  /** Share of new clients, 0 to 256. @default as it is */
  weight?: number
  /** `drain`: only clients that belong to it already; `maintenance`: nobody. @default as it is */
  state?: 'ready' | 'drain' | 'maintenance'
  /** Priority level. @default as it is */
  tier?: number
  /** All of its tags, in place of those it has. @default as they are */
  tags?: Record<string, string>
  /** With `state: 'maintenance'`: milliseconds that WebSockets and other upgraded connections have to end. @default 30_000 */
  drainMs?: Duration
}
