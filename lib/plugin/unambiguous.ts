/**
 * Requests that two readers could understand in two ways are refused. Node's parser refuses most of them (both lengths, bare line feeds, obsolete
 * folding, …); this is what it lets through, and what would not come to a target as it was sent.
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { BadRequestError } from '../errors.js'

/** Names and values that Node keeps of a request unless the server's `maxHeadersCount` says otherwise; it drops the rest without a word. */
const NODE_KEEPS = 2_000

/** `uri-host [ ":" port ]` (RFC 9110 §7.2, RFC 3986 §3.2.2), without the empty hosts and empty labels that RFC 3986 has a form for. */
const HOST = /^(?:[\w~!$&'()*+,;=%-]+(?:\.[\w~!$&'()*+,;=%-]+)*\.?|\[[\w.~:%-]+\])(?::\d*)?$/

/**
 * Connections of HTTP/1 that had such a request. Where it ends may be just what is ambiguous, so they are closed, and what came behind it at once is
 * not served: Node would, without answering it (RFC 9112 §9.6 forbids that).
 */
const outOfStep = new WeakSet<Socket>()

/** Throws `FST_LB_BAD_REQUEST`, and has an HTTP/1 connection closed. */
export function refuseAmbiguous (request: FastifyRequest, reply: FastifyReply): void {
  const { raw } = request
  const overHttp2 = 'stream' in raw
  if (namesHost(request) && (overHttp2 ? hasOneAuthority(raw) : isPlain(raw, request.server.server))) return
  if (!overHttp2) {
    outOfStep.add(raw.socket)
    reply.header('connection', 'close')
  }
  throw new BadRequestError()
}

/** The host that the client has sent, and the one that a trusted proxy says it was. */
function namesHost ({ raw, host }: FastifyRequest): boolean {
  const sent = raw.headers.host ?? raw.headers[':authority']
  // Clients of HTTP/1.0 may send none.
  if (sent === undefined) return raw.httpVersion === '1.0' && (host === '' || HOST.test(host))
  return HOST.test(String(sent)) && (host === sent || HOST.test(host))
}

function isPlain ({ headers, rawHeaders, httpVersion, socket }: IncomingMessage, server: Keeper): boolean {
  if (outOfStep.has(socket)) return false
  // Node's parser takes 0.9 and 2.0 in a request line for versions that it speaks.
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return false
  // What says how long the body is may be among the fields that were dropped.
  if (mayLackFields(rawHeaders, server)) return false
  const coding = headers['transfer-encoding']
  // RFC 9112 §6.1: a coding that is not understood cannot be taken off, and any coding is a fault in HTTP/1.0.
  if (coding !== undefined && (httpVersion === '1.0' || coding.toLowerCase() !== 'chunked')) return false
  // Longer lengths lose their last digits on the way.
  if (Number(headers['content-length'] ?? 0) > Number.MAX_SAFE_INTEGER) return false
  return !hasTwoHosts(rawHeaders)
}

/** A server, as far as it limits fields. */
interface Keeper { maxHeadersCount?: number | null }

/** Node may have dropped fields of a request. */
export function mayLackFields (rawHeaders: string[], { maxHeadersCount }: Keeper): boolean {
  if (typeof maxHeadersCount !== 'number') return rawHeaders.length >= NODE_KEEPS
  return maxHeadersCount > 0 && rawHeaders.length >= maxHeadersCount * 2
}

/** RFC 9112 §3.2. Node keeps the first; who has looked at the last would have seen another. */
function hasTwoHosts (rawHeaders: string[]): boolean {
  let hosts = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]!.length === 4 && rawHeaders[i]!.toLowerCase() === 'host') hosts++
  }
  return hosts > 1
}

/** RFC 9113 §8.3.1. The rest is seen to by HTTP/2 itself. */
function hasOneAuthority ({ headers: { host, ':authority': authority } }: IncomingMessage): boolean {
  return host === undefined || authority === undefined || host === authority
}
