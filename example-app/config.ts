/** What the gateway can be told, and the check of it: the app's own keys here, the rest by the plugin; every fault in one message. */
import { resolve } from 'node:path'
import Fastify from 'fastify'
import type { BalancedRouteOptions, ClientLimits, Duration, LoadBalancerOptions, UpstreamOptions } from '../lib/index.js'
import type { Credentials } from './basic-auth.js'
import { fault, integer, isObject, milliseconds, object, oneOf, optional, string, text, type Check } from '../lib/options.js'
import { pluginOptions } from '../lib/plugin/options.js'
import { readTls, type TlsFiles, type TlsTexts } from './tls.js'

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

export type LogLevel = typeof LOG_LEVELS[number]

/** A configuration file. `gateway.schema.json` is made of this, for editors. */
export interface GatewayFile {
  /** Where the gateway listens. HOST and PORT override. */
  listen?: Partial<ListenConfig>
  /** Certificate and key, as paths from the file's folder, for https. Read again when they change. @default none: http */
  tls?: TlsFiles
  /** Processes that serve. WORKERS overrides. @default 1 */
  workers?: number
  /** What is written to the log, from this level on. LOG_LEVEL overrides. @default 'info' */
  logLevel?: LogLevel
  /** Whose `X-Forwarded-*` are believed: true, false, or addresses and networks. @default false */
  trustProxy?: boolean | string | string[]
  /** The dashboard and the admin API. @default none */
  admin?: AdminFile
  /** Groups of targets, by name. @default {} */
  upstreams?: Record<string, UpstreamOptions>
  /** Prefix → upstream. @default {} */
  routes?: Record<string, string | BalancedRouteOptions> | Array<BalancedRouteOptions & { prefix: string }>
  /** Limits of what clients may make the gateway hold. @default {} */
  limits?: ClientLimits
  /** Milliseconds that requests in flight have to end when the gateway stops. @default 30_000 */
  drainMs?: Duration
  /** Path of a page that says 200, and 503 once SIGTERM has come, for a load balancer in front. @default none */
  readiness?: string
  /** How long the gateway serves after SIGTERM, so that a load balancer in front can notice. @default 0 */
  shutdownDelay?: Duration
}

/** Who may use the dashboard: a user with a password, or whoever is on this machine. */
export interface AdminFile {
  /** Where it is. @default '/lb' */
  prefix?: string
  /** Whoever is on this machine, without a password. @default none: it takes the password */
  authorize?: 'loopback'
  /** Name that goes with the password. @default 'admin' */
  user?: string
  /** 12 characters or more. Write it as `"${ADMIN_PASSWORD}"`, so that it is not in the file. @default none */
  password?: string
}

/** Plain data: it is handed to worker processes as it is. */
export interface GatewayConfig {
  listen: ListenConfig
  /** What is in the files. */
  tls: TlsTexts | undefined
  /** Processes that serve. */
  workers: number
  logLevel: LogLevel
  /** Whose `X-Forwarded-*` are believed, as Fastify takes it. */
  trustProxy: boolean | string | string[]
  /** Secret of the affinity cookies that have none of their own. */
  secret: string | undefined
  /** Milliseconds that requests in flight have to end when the gateway stops. */
  drainMs: number
  /** Path of the page that says whether requests should come here. */
  readiness: string | undefined
  /** Milliseconds between the signal to stop and the end of listening. */
  shutdownDelay: number
  /** Who may use the dashboard, where it takes a password. */
  credentials: Credentials | undefined
  /** Files that this was read from, besides the configuration's own. */
  files: string[]
  /** The plugin's options as they were written: it fills in its own defaults. */
  balancer: LoadBalancerOptions
}

export interface ListenConfig {
  /** Address, or name; 0.0.0.0 for every interface. @default '127.0.0.1' */
  host: string
  /** Port; 0 for one that is free. @default 3000 */
  port: number
}

export type Environment = Record<string, string | undefined>

/** What stands in the way of a start, in words for whoever wrote it. */
export class ConfigError extends Error {
  readonly faults: readonly string[]
  readonly #where: string

  /** `where`: the file's name. */
  constructor (where: string, faults: readonly string[]) {
    super()
    this.faults = faults
    this.#where = where
    this.message = this.withConsequence(', so nothing was started')
  }

  /** All of it, and what follows from it. */
  withConsequence (consequence: string): string {
    const { length } = this.faults
    return `${this.#where} has ${length === 1 ? 'a fault' : `${length} faults`}${consequence}:\n${this.faults.map(line => `  ${line}`).join('\n')}`
  }
}

// ---- the file -------------------------------------------------------------------------------------------------------------

const host = string
const port = integer(0, 65_535)
const workers = integer(1, 256)
const logLevel = oneOf(...LOG_LEVELS)

const trustProxy: Check<boolean | string | string[]> = (value, path, faults) => {
  const addresses = typeof value === 'string' ? [value] : value
  if (typeof value !== 'boolean' && !(Array.isArray(addresses) && addresses.every(isAddress))) {
    fault(faults, path, 'true, false, or addresses and networks to trust', value)
  }
  return value as boolean | string | string[]
}

/** Fastify alone knows what it takes for an address. */
function isAddress (value: unknown): boolean {
  if (typeof value !== 'string' || value === '') return false
  try {
    Fastify({ trustProxy: value })
    return true
  } catch {
    return false
  }
}

/** What the plugin takes that can be written in a file. */
interface PluginKeys { upstreams: unknown, routes: unknown, limits: unknown, drainMs: unknown }

/** Looked at by the plugin's own check. */
const asItIs: Check<unknown> = value => value

const listenDefault: ListenConfig = { host: '127.0.0.1', port: 3000 }

/** As long as the plugin wants a secret to be, and as a password has to be that can be tried at leisure. */
const SHORTEST_SECRET = 16
const SHORTEST_PASSWORD = 12

/** Not `fault`: it would show what was got. */
const hidden = (shortest: number): Check<string> => (value, path, faults) => {
  if (String(value).length < shortest) faults.push(`${path}: expected ${shortest} characters or more, got fewer`)
  return String(value)
}

const adminFields = object<AdminFile>({
  prefix: optional(string, '/lb'),
  authorize: optional(oneOf('loopback')) as Check<'loopback'>,
  user: optional(string, 'admin'),
  password: optional(hidden(SHORTEST_PASSWORD)) as Check<string>
})

const adminOption: Check<AdminFile> = (value, path, faults) => {
  const admin = adminFields(value, path, faults)
  if (isObject(value) && (value.authorize === undefined) === (value.password === undefined)) faults.push(`${path}: expected either a password or authorize: loopback`)
  if (admin.user?.includes(':') === true) fault(faults, `${path}.user`, 'a name without a colon', admin.user)
  return admin
}

interface FileFields extends Omit<GatewayConfig, 'tls' | 'secret' | 'drainMs' | 'credentials' | 'files' | 'balancer'>, PluginKeys {
  tls: TlsFiles | undefined
  admin: AdminFile | undefined
}

const fileFields = object<FileFields>({
  listen: optional(object<ListenConfig>({ host: optional(host, listenDefault.host), port: optional(port, listenDefault.port) }), listenDefault),
  tls: optional(object<TlsFiles>({ cert: string, key: string })),
  workers: optional(workers, 1),
  logLevel: optional(logLevel, 'info'),
  trustProxy: optional(trustProxy, false),
  admin: optional(adminOption),
  upstreams: asItIs,
  routes: asItIs,
  limits: asItIs,
  drainMs: asItIs,
  readiness: optional(text(/^\/[\w.~/-]*$/, "a path, as '/ready'")),
  shutdownDelay: optional(milliseconds(0, 100), 0)
})

// ---- the environment ------------------------------------------------------------------------------------------------------

interface Overrides {
  HOST: string | undefined
  PORT: number | undefined
  WORKERS: number | undefined
  LOG_LEVEL: LogLevel | undefined
  LB_SECRET: string | undefined
}

/** Variables are text. */
function inDigits (check: Check<number>): Check<number> {
  return (value, path, faults) => check(/^\d+$/.test(String(value)) ? Number(value) : value, path, faults)
}

const overrides = object<Overrides>({
  HOST: optional(host),
  PORT: optional(inDigits(port)),
  WORKERS: optional(inDigits(workers)),
  LOG_LEVEL: optional(logLevel),
  LB_SECRET: optional(hidden(SHORTEST_SECRET))
})

const OVERRIDES = ['HOST', 'PORT', 'WORKERS', 'LOG_LEVEL', 'LB_SECRET'] as const

/** A variable that is empty is not set. */
function setIn (env: Environment): Environment {
  return Object.fromEntries(OVERRIDES.filter(name => env[name] !== undefined && env[name] !== '').map(name => [name, env[name]]))
}

// ---- both -----------------------------------------------------------------------------------------------------------------

/**
 * The configuration out of what a file says and the environment overrides. Throws `ConfigError` with every fault.
 * `where` names the file; `folder`: where paths in it begin.
 */
export function checkConfig (value: unknown, env: Environment, where: string, folder = '.'): GatewayConfig {
  const faults: string[] = []
  if (!isObject(value)) fault(faults, 'the whole', 'an object', value)
  // What a file of JSON says to editors.
  const { $schema, ...file } = isObject(value) ? value : {}
  const { listen, tls, workers, logLevel, trustProxy, admin, readiness, shutdownDelay, ...written } = fileFields(file, '', faults)
  // What asks for the password is a function, and those cannot be handed to workers: `gateway.ts` puts it in.
  const balancer = admin === undefined ? written : { ...written, admin: { prefix: admin.prefix, authorize: 'loopback' } }
  const { drainMs } = pluginOptions(() => false)(balancer, '', faults)
  const { HOST, PORT, WORKERS, LOG_LEVEL, LB_SECRET } = overrides(setIn(env), 'environment', faults)
  const files = typeof tls?.cert === 'string' && typeof tls.key === 'string' ? { cert: resolve(folder, tls.cert), key: resolve(folder, tls.key) } : undefined
  const texts = files === undefined ? undefined : readTls(files, faults)
  if (faults.length > 0) throw new ConfigError(where, faults)
  return {
    listen: { host: HOST ?? listen.host, port: PORT ?? listen.port },
    tls: texts,
    workers: WORKERS ?? workers,
    logLevel: LOG_LEVEL ?? logLevel,
    trustProxy,
    secret: LB_SECRET,
    drainMs,
    readiness,
    shutdownDelay,
    credentials: admin?.password === undefined ? undefined : { user: admin.user!, password: admin.password },
    files: files === undefined ? [] : [files.cert, files.key],
    balancer: balancer as LoadBalancerOptions
  }
}
