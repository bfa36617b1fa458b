/** Header fields between undici's raw pairs and objects. Values keep their bytes: latin1 both ways. */
import { util } from 'undici'

/** Header fields by their names in lower case; one that comes several times has its values in an array. */
export type Headers = Record<string, string | string[]>

/** Names and values in turn, as undici hands them over. */
export type RawHeaders = Buffer[]

/** Names and values in turn, as undici takes them. */
export type FieldList = Array<string | string[]>

/** Meant for one connection only, never passed on (RFC 9110 §7.6.1, and two that were never standard but are seen). */
const HOP_BY_HOP = new Set([
  'connection', 'http2-settings', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'
])

/** Fields that Node sends once on HTTP/2, or not at all: it throws when there are two. */
const SINGLE_VALUE = new Set([
  'access-control-allow-credentials', 'access-control-max-age', 'access-control-request-method', 'age', 'authorization', 'content-encoding',
  'content-language', 'content-length', 'content-location', 'content-md5', 'content-range', 'content-type', 'date', 'dnt', 'etag', 'expires',
  'from', 'host', 'if-match', 'if-modified-since', 'if-none-match', 'if-range', 'if-unmodified-since', 'last-modified', 'location',
  'max-forwards', 'proxy-authorization', 'range', 'referer', 'retry-after', 'tk', 'upgrade-insecure-requests', 'user-agent',
  'x-content-type-options'
])

/** All fields; a name that comes twice has its values in an array. */
export function allHeaders (raw: RawHeaders): Headers {
  const headers: Headers = {}
  for (let i = 0; i < raw.length; i += 2) add(headers, util.headerNameToString(raw[i]!), raw[i + 1]!.toString('latin1'))
  return headers
}

/** The way back. */
export function rawHeaders (headers: Headers): RawHeaders {
  return Object.entries(headers).flatMap(([name, value]) => [value].flat().flatMap(one => [Buffer.from(name, 'latin1'), Buffer.from(one, 'latin1')]))
}

/** The fields that go on to the client: without hop-by-hop fields, and without those that `Connection` names. */
export function endToEndHeaders (raw: RawHeaders): Headers {
  const headers: Headers = {}
  let connection = ''
  for (let i = 0; i < raw.length; i += 2) {
    const name = util.headerNameToString(raw[i]!)
    if (HOP_BY_HOP.has(name)) {
      if (name === 'connection') connection += ',' + raw[i + 1]!.toString('latin1')
    } else {
      add(headers, name, raw[i + 1]!.toString('latin1'))
    }
  }
  if (connection !== '' && connection !== ',keep-alive' && connection !== ',close') dropNamed(headers, connection)
  return headers
}

/** Leaves the first value of fields that may have only one, for clients of HTTP/2. */
export function oneValueEach (headers: Headers): void {
  for (const name of Object.keys(headers)) {
    const value = headers[name]!
    if (Array.isArray(value) && SINGLE_VALUE.has(name)) headers[name] = value[0]!
  }
}

/** The first value of the field `name` (in lower case), without looking at more than need be. */
export function rawHeader (raw: RawHeaders, name: string): string | undefined {
  for (let i = 0; i < raw.length; i += 2) {
    if (raw[i]!.length === name.length && util.headerNameToString(raw[i]!) === name) return raw[i + 1]!.toString('latin1')
  }
  return undefined
}

const EVENT_STREAM = /^text\/event-stream/i

/** The response is a stream of server-sent events. */
export function isEventStream (headers: RawHeaders): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]!.length !== 12) continue
    const value = headers[i + 1]!
    // Few types have an `e` where `text/event-stream` has one: most need no string to be told apart.
    if (value.length <= 16 || (value[5]! | 0x20) !== 0x65) continue
    if (headers[i]!.toString('latin1').toLowerCase() === 'content-type') return EVENT_STREAM.test(value.toString('latin1'))
  }
  return false
}

/** Just what undici's parser takes off: with a tab behind it, or what else JavaScript would trim, it passes the chunks on as they are. */
const CHUNKED = /^chunked *$/i

/**
 * What is wrong with the transfer coding of a response; undefined where nothing is. Only `chunked` can be taken off here, and only once: with any other,
 * nobody could tell where the body ends, or read it (RFC 9112 §6.1, §7).
 */
export function faultyCoding (headers: RawHeaders): string | undefined {
  let coding: string | undefined
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]!.length !== 17 || headers[i]!.toString('latin1').toLowerCase() !== 'transfer-encoding') continue
    const value = headers[i + 1]!.toString('latin1')
    coding = coding === undefined ? value : `${coding}, ${value}`
  }
  return coding === undefined || CHUNKED.test(coding) ? undefined : `cannot decode Transfer-Encoding: ${coding}`
}

/** Removes what a `Connection` value names. */
function dropNamed (headers: Record<string, unknown>, connection: string): void {
  for (const name of connection.split(',')) {
    const key = name.trim().toLowerCase()
    if (key !== '' && key !== 'keep-alive' && key !== 'close') delete headers[key]
  }
}

function add (headers: Headers, name: string, value: string): void {
  const there = headers[name]
  if (typeof there === 'string') headers[name] = [there, value]
  else if (Array.isArray(there)) there.push(value)
  // Not there, or what every object has by that name.
  else headers[name] = value
}
