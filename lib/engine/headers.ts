/** Header fields between undici's raw pairs and objects. Values keep their bytes: latin1 both ways. */
import { util } from 'undici'
import type { RawHeaders } from './downstream.js'

export type Headers = Record<string, string | string[]>

/** Meant for one connection only, never passed on (RFC 9110 §7.6.1, and two that were never standard but are seen). */
const HOP_BY_HOP = new Set([
  'connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'
])

/** All fields; a name that comes twice has its values in an array. */
export function allHeaders (raw: RawHeaders): Headers {
  const headers: Headers = {}
  for (let i = 0; i < raw.length; i += 2) add(headers, util.headerNameToString(raw[i]!), raw[i + 1]!.toString('latin1'))
  return headers
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

/** The first value of the field `name` (in lower case), without looking at more than need be. */
export function rawHeader (raw: RawHeaders, name: string): string | undefined {
  for (let i = 0; i < raw.length; i += 2) {
    if (raw[i]!.length === name.length && util.headerNameToString(raw[i]!) === name) return raw[i + 1]!.toString('latin1')
  }
  return undefined
}

/** Removes what a `Connection` value names. */
export function dropNamed (headers: Record<string, unknown>, connection: string): void {
  for (const name of connection.split(',')) {
    const key = name.trim().toLowerCase()
    if (key !== '' && key !== 'keep-alive' && key !== 'close') delete headers[key]
  }
}

function add (headers: Headers, name: string, value: string): void {
  const there = headers[name]
  if (there === undefined) headers[name] = value
  else if (Array.isArray(there)) there.push(value)
  else headers[name] = [there, value]
}
