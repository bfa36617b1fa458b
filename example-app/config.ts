/** What the gateway can be told, and the check of it: the app's own keys here, the rest by the plugin; every fault in one message. */
import Fastify from 'fastify'
import type { LoadBalancerOptions } from '../lib/index.js'
import { fault, integer, isObject, object, oneOf, optional, string, type Check } from '../lib/options.js'
import { pluginOptions } from '../lib/plugin/options.js'

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

export type LogLevel = typeof LOG_LEVELS[number]

/** Plain data: it is handed to worker processes as it is. */
export interface GatewayConfig {
  listen: ListenConfig
  /** Processes that serve; 1 is this one, without a cluster. */
  workers: number
  logLevel: LogLevel
  /** Whose `X-Forwarded-*` are believed, as Fastify takes it. */
  trustProxy: boolean | string | string[]
  /** Secret of the affinity cookies that have none of their own. */
  secret: string | undefined
  /** Milliseconds that requests in flight have to end when the gateway stops. */
  drainMs: number
  /** The plugin's options as they were written: it fills in its own defaults. */
  balancer: LoadBalancerOptions
}

export interface ListenConfig { host: string, port: number }

export type Environment = Record<string, string | undefined>

/** What stands in the way of a start, in words for whoever wrote it. */
export class ConfigError extends Error {
  /** `where`: the file's name. */
  constructor (where: string, faults: readonly string[]) {
    const count = faults.length === 1 ? 'a fault' : `${faults.length} faults`
    super(`${where} has ${count}, so nothing was started:\n${faults.map(line => `  ${line}`).join('\n')}`)
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
interface PluginKeys { upstreams: unknown, routes: unknown, admin: unknown, drainMs: unknown }

/** Looked at by the plugin's own check. */
const asItIs: Check<unknown> = value => value

const listenDefault: ListenConfig = { host: '127.0.0.1', port: 3000 }

const fileFields = object<Omit<GatewayConfig, 'secret' | 'drainMs' | 'balancer'> & PluginKeys>({
  listen: optional(object<ListenConfig>({ host: optional(host, listenDefault.host), port: optional(port, listenDefault.port) }), listenDefault),
  workers: optional(workers, 1),
  logLevel: optional(logLevel, 'info'),
  trustProxy: optional(trustProxy, false),
  upstreams: asItIs,
  routes: asItIs,
  admin: asItIs,
  drainMs: asItIs
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

/** As long as the plugin wants it. */
const SHORTEST_SECRET = 16

const secret: Check<string> = (value, path, faults) => {
  // Not `fault`: it would show the secret.
  if (String(value).length < SHORTEST_SECRET) faults.push(`${path}: expected ${SHORTEST_SECRET} characters or more, got fewer`)
  return value as string
}

const overrides = object<Overrides>({
  HOST: optional(host),
  PORT: optional(inDigits(port)),
  WORKERS: optional(inDigits(workers)),
  LOG_LEVEL: optional(logLevel),
  LB_SECRET: optional(secret)
})

const OVERRIDES = ['HOST', 'PORT', 'WORKERS', 'LOG_LEVEL', 'LB_SECRET'] as const

/** A variable that is empty is not set. */
function setIn (env: Environment): Environment {
  return Object.fromEntries(OVERRIDES.filter(name => env[name] !== undefined && env[name] !== '').map(name => [name, env[name]]))
}

// ---- both -----------------------------------------------------------------------------------------------------------------

/** The configuration out of what a file says and the environment overrides. Throws `ConfigError` with every fault; `where` names the file. */
export function checkConfig (value: unknown, env: Environment, where: string): GatewayConfig {
  const faults: string[] = []
  if (!isObject(value)) fault(faults, 'the whole', 'an object', value)
  const { listen, workers, logLevel, trustProxy, ...written } = fileFields(isObject(value) ? value : {}, '', faults)
  const { drainMs } = pluginOptions(() => false)(written, '', faults)
  const { HOST, PORT, WORKERS, LOG_LEVEL, LB_SECRET } = overrides(setIn(env), 'environment', faults)
  if (faults.length > 0) throw new ConfigError(where, faults)
  return {
    listen: { host: HOST ?? listen.host, port: PORT ?? listen.port },
    workers: WORKERS ?? workers,
    logLevel: LOG_LEVEL ?? logLevel,
    trustProxy,
    secret: LB_SECRET,
    drainMs,
    balancer: written as LoadBalancerOptions
  }
}
