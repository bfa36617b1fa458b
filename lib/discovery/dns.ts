/** Targets by DNS: one per address of a name, looked up again when its TTL is over (as nginx does with `resolve`). */
import { promises, type RecordWithTtl } from 'node:dns'
import { isIP } from 'node:net'
import type { Duration } from '../duration.js'
import type { TargetOptions } from '../engine/target-options.js'
import { array, fault, integer, milliseconds, object, oneOf, optional, text, type Check } from '../options.js'
import { Pauses } from '../engine/pauses.js'
import { AbsentError, HOLD_OF_DNS, holdOption, type Hold, type HoldOptions } from './hold.js'
import type { DiscoverySettings, Source, SourceTools } from './source.js'
import { serversOf } from './srv.js'

/** One target per address of a name. An answer without addresses is a failure: the last good set stays for as long as `hold.nx`. */
export interface DnsDiscoveryOptions {
  /** The whole name: neither the hosts file nor search domains are looked at. For SRV with its service, as `_http._tcp.api.internal`. */
  dns: string
  /**
   * Records to go by. `SRV` has ports, weights and priorities in it: the lowest priority is tier 0, the next tier 1 and so on; weights keep their
   * proportion (RFC 2782).
   * @default 'A'
   */
  type?: 'A' | 'AAAA' | 'SRV'
  /** Port of the targets; not for SRV, which says it. @default 80, and 443 for https */
  port?: number
  /** Scheme of their urls. @default 'http' */
  protocol?: 'http' | 'https'
  /** Base path of the targets. @default '' */
  path?: string
  /**
   * What targets are called in `Host`, and for https the name that is asked for and verified. @default the name in `dns`, of SRV without service and
   * protocol
   */
  host?: string
  /** DNS servers to ask, by address: `10.0.0.2`, `10.0.0.2:5353` or `[::1]:53`. @default the system's */
  servers?: string[]
  /** Milliseconds between look-ups at least, whatever the TTL. @default 1_000 */
  minTtl?: Duration
  /** Milliseconds between look-ups at most, whatever the TTL. @default 300_000 */
  maxTtl?: Duration
  /** For SRV: milliseconds between look-ups at most, since Node does not tell the TTL of these records. @default 10_000 */
  interval?: Duration
  /** Milliseconds for the first try; each server gets a second, longer one. @default 2_000 */
  timeout?: Duration
  /** How long targets stay that are not found any more. @default {} */
  hold?: HoldOptions
}

interface DnsSettings {
  dns: string
  type: 'A' | 'AAAA' | 'SRV'
  port: number | undefined
  protocol: 'http' | 'https'
  path: string
  host: string | undefined
  servers: string[] | undefined
  minTtl: number
  maxTtl: number
  interval: number | undefined
  timeout: number
  hold: Hold
}

const SRV_INTERVAL = 10_000

/** Labels of letters, digits, hyphens and underscores (RFC 1123, RFC 2782). An address is no name. */
const name: Check<string> = (value, path, faults) => {
  if (typeof value !== 'string' || value.length > 254 || isIP(value) !== 0 || !/^(?:[\w-]{1,63}\.)*[\w-]{1,63}\.?$/.test(value)) {
    fault(faults, path, "a name, as 'api.internal'", value)
  }
  return String(value)
}

const basePath = text(/^(?:\/[^?#\s]*)?$/, "a path, as '/v1'")

const server: Check<string> = (value, path, faults) => {
  try {
    new promises.Resolver().setServers([value as string])
  } catch {
    fault(faults, path, "the address of a DNS server, as '10.0.0.2' or '[::1]:5353'", value)
  }
  return value as string
}

const dnsFields = object<DnsSettings>({
  dns: name,
  type: optional(oneOf('A', 'AAAA', 'SRV'), 'A'),
  port: optional(integer(1, 65_535)),
  protocol: optional(oneOf('http', 'https'), 'http'),
  path: optional(basePath, ''),
  host: optional(name),
  servers: optional(array(server)),
  minTtl: optional(milliseconds(1), 1_000),
  maxTtl: optional(milliseconds(1, 500), 300_000),
  interval: optional(milliseconds(1, 100)),
  timeout: optional(milliseconds(1, 20), 2_000),
  hold: holdOption(HOLD_OF_DNS)
})

export const dnsOption: Check<DiscoverySettings> = (value, path, faults) => {
  const settings = dnsFields(value, path, faults)
  const { dns, type, port, interval, minTtl, maxTtl } = settings
  if (type === 'SRV' && port !== undefined) faults.push(`${path}.port: expected nothing, since SRV records say the port`)
  if (type !== 'SRV' && interval !== undefined) faults.push(`${path}.interval: expected nothing, since the records have a TTL; its bounds are minTtl and maxTtl`)
  if (minTtl > maxTtl) faults.push(`${path}.minTtl: expected at most maxTtl (${maxTtl}), got ${minTtl}`)
  return { kind: 'dns', place: `${dns} ${type}`, hold: settings.hold, source: dnsSource(settings) }
}

interface Found {
  targets: TargetOptions[]
  /** Of the shortest-lived record, in milliseconds. */
  ttl: number
}

/** Addresses of an SRV record's server that were found last, and since when they cannot be found out. */
interface Known { records: RecordWithTtl[], failingSince: number | undefined }

function dnsSource (settings: DnsSettings): Source {
  const known = new Map<string, Known>()
  return async function * (tools) {
    const { signal } = tools
    const pauses = new Pauses(tools)
    while (!signal.aborted) {
      // A new one each time: what the system says about its servers may have changed.
      const resolver = new promises.Resolver({ timeout: settings.timeout, tries: 2 })
      if (settings.servers !== undefined) resolver.setServers(settings.servers)
      const cancel = (): void => { resolver.cancel() }
      signal.addEventListener('abort', cancel)
      const found = settings.type === 'SRV' ? bySrv(resolver, settings, known, tools) : byAddress(resolver, settings)
      const { targets, ttl } = await found.catch(absentOrFailed).finally(() => { signal.removeEventListener('abort', cancel) })
      yield targets
      await pauses.pause(Math.min(Math.max(ttl, settings.minTtl), settings.maxTtl))
    }
  }
}

async function byAddress (resolver: promises.Resolver, settings: DnsSettings): Promise<Found> {
  const records = settings.type === 'AAAA' ? await resolver.resolve6(settings.dns, { ttl: true }) : await resolver.resolve4(settings.dns, { ttl: true })
  const port = settings.port ?? (settings.protocol === 'https' ? 443 : 80)
  return { targets: inOrder(records.map(({ address }) => targetAt(settings, address, port))), ttl: shortest(records) }
}

async function bySrv (resolver: promises.Resolver, settings: DnsSettings, known: Map<string, Known>, { clock, partly }: SourceTools): Promise<Found> {
  const records = await resolver.resolveSrv(settings.dns)
  const names = new Set(records.map(({ name }) => name))
  for (const name of known.keys()) if (!names.has(name)) known.delete(name)
  const failures: Error[] = []
  const fresh: RecordWithTtl[] = []
  await Promise.all([...names].map(async name => {
    try {
      const found = await addressesOf(resolver, name)
      known.set(name, { records: found, failingSince: undefined })
      fresh.push(...found)
    } catch (error) {
      failures.push(error as Error)
      const before = known.get(name) ?? { records: [], failingSince: undefined }
      const failingSince = before.failingSince ?? clock.now()
      known.set(name, { records: clock.now() - failingSince < settings.hold.timeout ? before.records : [], failingSince })
    }
  }))
  const found = serversOf(records).flatMap(({ name, port, weight, tier }) =>
    known.get(name)!.records.map(({ address }) => ({ ...targetAt(settings, address, port), weight, tier })))
  const message = failures.map(({ message }) => message).sort().join(', ')
  if (found.length === 0) throw failures.length > 0 ? new Error(message) : new AbsentError(`querySrv ${settings.dns}: none of its servers has an address`)
  partly(failures.length > 0 ? new Error(message) : undefined)
  return { targets: inOrder(found), ttl: Math.min(settings.interval ?? SRV_INTERVAL, shortest(fresh)) }
}

/**
 * Of version 4, or where there are none, of version 6: a server that has both is one server. Nothing for a name that has none; throws when that
 * cannot be found out.
 */
async function addressesOf (resolver: promises.Resolver, name: string): Promise<RecordWithTtl[]> {
  // A service that is said not to be there (RFC 2782).
  if (name === '' || name === '.') return []
  const four = await resolver.resolve4(name, { ttl: true }).catch(noneIfAbsent)
  return four.length > 0 ? four : resolver.resolve6(name, { ttl: true }).catch(noneIfAbsent)
}

function noneIfAbsent (error: NodeJS.ErrnoException): [] {
  if (isAbsent(error)) return []
  throw error
}

function absentOrFailed (error: NodeJS.ErrnoException): never {
  throw isAbsent(error) ? new AbsentError(error.message) : error
}

/** There is no such name, or it has no such records. */
function isAbsent ({ code }: NodeJS.ErrnoException): boolean {
  return code === 'ENODATA' || code === 'ENOTFOUND'
}

/** The id follows from the address and the port: equal on every gateway. */
function targetAt ({ dns, protocol, path, host = dns.replace(/^_[^.]+\._[^.]+\.(?=.)/, '') }: DnsSettings, address: string, port: number): TargetOptions {
  return { url: `${protocol}://${host.replace(/\.$/, '')}:${port}${path}`, address }
}

/** Servers answer in an order that changes from time to time. And an address that comes twice is one target, at the better tier. */
function inOrder (targets: TargetOptions[]): TargetOptions[] {
  const placeOf = ({ url, address }: TargetOptions): string => `${address} ${url}`
  const byPlace = new Map<string, TargetOptions>()
  for (const target of targets) if (!byPlace.has(placeOf(target))) byPlace.set(placeOf(target), target)
  return [...byPlace.values()].sort((a, b) => (a.tier ?? 0) - (b.tier ?? 0) || (placeOf(a) < placeOf(b) ? -1 : 1))
}

function shortest (records: RecordWithTtl[]): number {
  return Math.min(...records.map(({ ttl }) => ttl)) * 1_000
}
