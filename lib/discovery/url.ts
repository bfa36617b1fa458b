/** Targets in a JSON document that is asked for by HTTP again and again. */
import { Agent, Pool, request, type Dispatcher } from 'undici'
import { MAX_LENGTH, parseJson } from '../bounded-json.js'
import type { Duration } from '../duration.js'
import { connectionTo } from '../engine/pool.js'
import { tlsOptions, type TlsOptions } from '../engine/target-options.js'
import { fault, func, headers, integer, milliseconds, object, optional, type Check } from '../options.js'
import { textOf } from './bounded-text.js'
import { targetsIn } from './document.js'
import { AbsentError, HOLD, holdOption, type Hold, type HoldOptions } from './hold.js'
import { Pauses } from '../engine/pauses.js'
import type { DiscoverySettings, Source, TargetSet } from './source.js'
import { within } from '../engine/within.js'

/** Header fields of an answer, in lower case. */
export type AnswerHeaders = Record<string, string | string[] | undefined>

/**
 * A JSON document that is polled, by its `ETag` where it has one: a list of targets, an object with that list under `targets`, or what `map` makes
 * one of.
 */
export interface UrlDiscoveryOptions {
  /**
   * Where it is. A function gets the header fields of the last good answer (none at first and after a failure), for questions that go on from there.
   */
  url: string | ((last: AnswerHeaders) => string)
  /** Milliseconds between an answer and the next question. @default 10_000 */
  interval?: Duration
  /** Milliseconds from the question to the end of the answer. @default 10_000 */
  timeout?: Duration
  /** Fields to send. A function is asked each time: tokens expire. @default {} */
  headers?: Record<string, string> | (() => Record<string, string> | Promise<Record<string, string>>)
  /** Makes targets of the document. What it throws is a failure: the last good set stays. @default the document as it is */
  map?: (json: any) => TargetSet | Promise<TargetSet> // `any`: the document is somebody else's, and users write its type here.
  /** Bytes that an answer may have. @default 4_194_304 */
  maxBytes?: number
  /** TLS to the endpoint, whose certificate is verified. @default {} */
  tls?: TlsOptions
  /** How long targets stay that are not found any more. @default {} */
  hold?: HoldOptions
}

interface UrlSettings {
  url: (last: AnswerHeaders) => string
  interval: number
  timeout: number
  headers: () => Record<string, string> | Promise<Record<string, string>>
  map: (json: unknown) => unknown
  maxBytes: number
  tls: TlsOptions
  hold: Hold
}

const urlText: Check<string> = (value, path, faults) => {
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) fault(faults, path, "a url, as 'http://registry.internal/targets', or a function", value)
  // Not `fault`: what was got is a secret.
  else if (url.username !== '' || url.password !== '') faults.push(`${path}: expected a url without credentials, which belong in headers`)
  return value as string
}

/** A value, or a function that returns one. What the function is called with is for the option's type to say: `any` fits all. */
function orFunction<T, F extends (...args: any[]) => T | Promise<T>> (check: Check<T>): Check<F> {
  return (value, path, faults) => {
    if (typeof value === 'function') return value as F
    const constant = check(value, path, faults)
    return (() => constant) as F
  }
}

const urlFields = object<UrlSettings>({
  url: orFunction(urlText),
  interval: optional(milliseconds(1, 100), 10_000),
  timeout: optional(milliseconds(1, 50), 10_000),
  headers: optional(orFunction(headers), () => ({})),
  map: optional(func<UrlSettings['map']>(), targetsIn),
  maxBytes: optional(integer(1), MAX_LENGTH),
  tls: optional(tlsOptions, {}) as Check<TlsOptions>,
  hold: holdOption(HOLD)
})

export const urlOption: Check<DiscoverySettings> = (value, path, faults) => {
  const { url } = value as UrlDiscoveryOptions
  const settings = urlFields(value, path, faults)
  // Queries have tokens in them now and then.
  return { kind: 'url', place: typeof url === 'string' ? url.split(/[?#]/, 1)[0]! : '', hold: settings.hold, source: urlSource(settings) }
}

/** A good answer. */
interface Answer { url: string, headers: AnswerHeaders, targets: unknown }

function urlSource (settings: UrlSettings): Source {
  // Kept over failures: it is still what an ETag stands for.
  let last: Answer | undefined
  return async function * (tools) {
    const pauses = new Pauses(tools)
    const dispatcher = new Agent({
      connect: { rejectUnauthorized: true, ...settings.tls } as never,
      headersTimeout: 0,
      bodyTimeout: 0,
      connections: 1,
      factory: (origin, options) => new Pool(origin, { ...options, factory: connectionTo })
    })
    let headers: AnswerHeaders = {}
    try {
      while (!tools.signal.aborted) {
        last = await within(settings.timeout, tools, signal => ask(settings, settings.url(headers), last, { dispatcher, signal }))
        headers = last.headers
        yield last.targets
        await pauses.pause(settings.interval)
      }
    } finally {
      await dispatcher.destroy()
    }
  }
}

async function ask (settings: UrlSettings, url: string, last: Answer | undefined, options: { dispatcher: Dispatcher, signal: AbortSignal }): Promise<Answer> {
  const known = last !== undefined && last.url === url && typeof last.headers.etag === 'string' ? { 'if-none-match': last.headers.etag } : undefined
  const own = await settings.headers()
  const fields = { accept: 'application/json', 'user-agent': 'fastify-load-balancer', ...known, ...own }
  const { statusCode, headers, body } = await request(url, { ...options, headers: fields })
  if (statusCode === 200) return { url, headers, targets: await settings.map(parseJson(await textOf(body, settings.maxBytes, 'the answer'), settings.maxBytes)) }
  await body.dump()
  if (statusCode === 304 && known !== undefined) return { url, headers: { ...last!.headers, ...headers }, targets: last!.targets }
  throw new (statusCode === 404 || statusCode === 410 ? AbsentError : Error)(`status ${statusCode}`)
}
