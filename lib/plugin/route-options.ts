import type { RouteShorthandOptions } from 'fastify'
import { fault, isObject, type Check } from '../options.js'
import { splitOption, type SplitOption } from './split.js'
import { withoutSlash } from './request-path.js'

/** A prefix's upstream, with any of Fastify's route options: methods (`method`), constraints, hooks, bodyLimit, … */
export interface BalancedRouteOptions extends Omit<RouteShorthandOptions, 'schema'> {
  /** Name of the upstream. */
  upstream: string
  /** Put in place of the prefix. @default the prefix itself: it stays in the path */
  rewritePrefix?: string
  /** New clients by shares among versions of the targets: `{ v1: 90, v2: 10 }`. With affinity, a client stays with its version. @default none */
  split?: SplitOption
  /** Methods to proxy. @default all that the Fastify instance knows */
  method?: string | string[]
}

export interface RouteSettings {
  /** Where it is among the options, for messages. */
  here: string
  prefix: string
  upstream: string
  rewritePrefix: string | undefined
  split: SplitOption | undefined
  options: Record<string, unknown>
}

/** Route options that are ours to set. */
const OURS = ['handler', 'url', 'path']

/** Route options that Fastify knows; it would take any other without a word. */
const ROUTE_OPTIONS = [
  'method', 'config', 'constraints', 'bodyLimit', 'exposeHeadRoute', 'prefixTrailingSlash', 'handlerTimeout', 'logLevel', 'logSerializers',
  'childLoggerFactory', 'errorHandler', 'schema', 'attachValidation', 'validatorCompiler', 'serializerCompiler', 'schemaErrorFormatter',
  'onRequest', 'preParsing', 'preValidation', 'preHandler', 'preSerialization', 'onSend', 'onResponse', 'onError', 'onTimeout', 'onRequestAbort'
]

/** Prefixes with their routes: an object by prefix, or an array of routes that each name theirs. */
function entriesOf (value: unknown, path: string, faults: string[]): Array<{ here: string, prefix: string, route: unknown }> {
  if (isObject(value)) return Object.entries(value).map(([prefix, route]) => ({ here: `${path}[${JSON.stringify(prefix)}]`, prefix, route }))
  if (!Array.isArray(value)) {
    fault(faults, path, 'an object of prefixes, or an array of { prefix, upstream }', value)
    return []
  }
  return value.flatMap((item: unknown, i) => {
    const here = `${path}[${i}]`
    const { prefix, ...route } = isObject(item) ? item : {}
    if (typeof prefix === 'string') return [{ here, prefix, route }]
    if (isObject(item)) fault(faults, `${here}.prefix`, "a prefix, as '/shop'", prefix)
    else fault(faults, here, 'an object with prefix and upstream', item)
    return []
  })
}

export const routesOption: Check<RouteSettings[]> = (value, path, faults) => {
  return entriesOf(value, path, faults).map(({ here, prefix, route }) => {
    if (!/^\/[^*?#]*$/.test(prefix)) faults.push(`${here}: expected a prefix that starts with '/' and has no '*', '?' or '#'`)
    if (prefix.length > 1 && prefix.endsWith('/') && isObject(value) && Object.hasOwn(value, prefix.slice(0, -1))) faults.push(`${here}: ${JSON.stringify(prefix.slice(0, -1))} is there, too, and is the same`)
    const { upstream, rewritePrefix, split, ...options } = isObject(route) ? route : { upstream: route }
    if (typeof upstream !== 'string') fault(faults, isObject(route) ? `${here}.upstream` : here, 'the name of an upstream', upstream)
    if (rewritePrefix !== undefined && (typeof rewritePrefix !== 'string' || !/^(?:\/[!"$->@-~]*)?$/.test(rewritePrefix))) {
      fault(faults, `${here}.rewritePrefix`, "a path as it is sent, as '/v1' or '/caf%C3%A9', or ''", rewritePrefix)
    }
    if (split !== undefined) splitOption(split, `${here}.split`, faults)
    for (const name of ['upstream', 'split']) {
      if (isObject(options.config) && options.config[name] !== undefined) faults.push(`${here}.config.${name}: this is set by the plugin`)
    }
    for (const name of Object.keys(options)) {
      if (OURS.includes(name)) faults.push(`${here}.${name}: this is set by the plugin`)
      else if (!ROUTE_OPTIONS.includes(name)) faults.push(`${here}.${name}: unknown option; known are upstream, rewritePrefix, split, ${ROUTE_OPTIONS.join(', ')}`)
    }
    return {
      here,
      prefix: prefix === '/' ? prefix : withoutSlash(prefix),
      upstream: upstream as string,
      rewritePrefix: rewritePrefix as string | undefined,
      split: split as SplitOption | undefined,
      options
    }
  })
}
