/** What of a request the policy `hash` goes by. The core sees the text that is made of it here. */
import type { FastifyRequest } from 'fastify'
import type { HashKey, HashSettings } from '../balancing/policies/hash/hash.js'
import type { NamedPolicy } from '../balancing/policies/named-policy.js'
import { findCookie } from './cookies.js'
import { originForm } from './request-path.js'

/** The key of a request, if it has any. */
export type ReadKey = (request: FastifyRequest) => string | undefined

/** How the key of a request is found; undefined where the policy asks for none, or for the address, which it is told anyhow. */
export function hashKeyOf ({ name, settings }: NamedPolicy): ReadKey | undefined {
  if (name !== 'hash' || settings === undefined) return undefined
  // The core does not say what a function is called with; the plugin's options do.
  return readerOf((settings as HashSettings).key as HashKey<FastifyRequest>)
}

function readerOf (key: HashKey<FastifyRequest>): ReadKey | undefined {
  if (typeof key === 'function') return request => textOf(key(request))
  if (key === 'ip') return undefined
  if (key === 'url') return resourceOf
  if (key === 'path') return request => resourceOf(request).split('?', 1)[0]
  if ('cookie' in key) return request => findCookie(request.raw.headers.cookie, key.cookie)
  if ('query' in key) return request => findParameter(request.raw.url!, key.query)
  const header = key.header.toLowerCase()
  return request => textOf(request.raw.headers[header])
}

/** Path and query. A request in absolute form (RFC 9112 §3.2.2) is for the same resource, and so has the same key. */
function resourceOf ({ raw }: FastifyRequest): string {
  return originForm(raw.url!, raw.headers.host)
}

/** Whatever a function of the user's own may give. Of a header that came several times, all. */
function textOf (value: unknown): string | undefined {
  return value === undefined || value === null ? undefined : String(value)
}

/** The value of the first parameter of this name, as it is written (nginx `$arg_name`). */
function findParameter (url: string, name: string): string | undefined {
  const start = url.indexOf('?')
  if (start === -1) return undefined
  for (const parameter of url.slice(start + 1).split('&')) {
    if (parameter.startsWith(`${name}=`)) return parameter.slice(name.length + 1)
  }
  return undefined
}
