/** One probe of one target, on a connection of its own: what came of it, in words. */
import { request as httpRequest, type ClientRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect, isIP, type Socket } from 'node:net'
import { fixedLookup } from '../engine/fixed-lookup.js'
import { inWords } from '../engine/in-words.js'
import type { EngineTargetConfig, TlsOptions } from '../engine/target-options.js'
import type { ProbeSettings } from './probe-options.js'

/** Bytes of a body that are looked at. */
const LONGEST_BODY = 65_536

export interface ProbeResult {
  passed: boolean
  /** `status 503`, `connection refused`, … */
  reason: string
}

/** A probe under way. */
export interface RunningProbe {
  readonly result: Promise<ProbeResult>
  /** Ends it; the result is a failure for this reason. */
  stop (reason: string): void
}

export function probe (config: EngineTargetConfig, settings: ProbeSettings, tls: TlsOptions): RunningProbe {
  const place = placeOf(config, settings)
  let settle!: (result: ProbeResult) => void
  const result = new Promise<ProbeResult>(resolve => { settle = resolve })
  let connection: Socket | ClientRequest | undefined
  try {
    connection = settings.type === 'tcp' ? probeTcp(place, settle) : probeHttp(config, settings, tls, place, settle)
  } catch (error) {
    // A certificate or a key that is none shows only now.
    settle({ passed: false, reason: inWords(error as Error) })
  }
  return {
    result,
    stop (reason) {
      settle({ passed: false, reason })
      connection?.destroy()
    }
  }
}

interface Place { host: string, port: number, socketPath: string | undefined, lookup: ReturnType<typeof fixedLookup> }

function placeOf (config: EngineTargetConfig, settings: ProbeSettings): Place {
  const { hostname, port, protocol } = new URL(config.origin)
  return {
    host: hostname.startsWith('[') ? hostname.slice(1, -1) : hostname,
    port: settings.port ?? Number(port !== '' ? port : protocol === 'https:' ? 443 : 80),
    socketPath: config.socketPath,
    lookup: fixedLookup(config.address)
  }
}

function probeTcp ({ host, port, socketPath, lookup }: Place, settle: (result: ProbeResult) => void): Socket {
  const socket = socketPath === undefined ? connect({ port, host, ...lookup }) : connect(socketPath)
  // A probe is background work: a script may end while one is under way.
  socket.unref()
  socket.once('connect', () => {
    settle({ passed: true, reason: 'connected' })
    socket.destroy()
  })
  socket.on('error', error => { settle({ passed: false, reason: inWords(error) }) })
  return socket
}

function probeHttp (config: EngineTargetConfig, settings: ProbeSettings, tls: TlsOptions, place: Place, settle: (result: ProbeResult) => void): ClientRequest {
  const secure = config.origin.startsWith('https:')
  const options = {
    method: settings.method,
    path: config.basePath + settings.path,
    headers: { 'user-agent': 'fastify-load-balancer', ...settings.headers },
    agent: false as const,
    ...(place.socketPath === undefined ? { host: place.host, port: place.port, ...place.lookup } : { socketPath: place.socketPath })
  }
  // Node would take the name from a `Host` among the headers; an address is no name (RFC 6066 §3).
  const servername = isIP(place.host) === 0 ? place.host : ''
  const request = secure ? httpsRequest({ ...options, servername, rejectUnauthorized: true, ...tls }) : httpRequest(options)
  request.once('socket', socket => { socket.unref() })
  const { expect } = settings
  const byStatus = (status: number): void => { settle({ passed: expect.status(status), reason: `status ${status}` }) }
  // More than once: taking the connection away is an error, too.
  request.on('error', error => { settle({ passed: false, reason: inWords(error) }) })
  request.once('response', response => {
    const status = response.statusCode!
    const { body } = expect
    if (body === undefined || !expect.status(status)) {
      byStatus(status)
      // What the body says does not matter, and it may be endless.
      request.destroy()
      return
    }
    let text = ''
    const judge = (): void => { settle(body(text) ? { passed: true, reason: `status ${status}` } : { passed: false, reason: 'the body is not as expected' }) }
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => {
      text += chunk
      if (text.length < LONGEST_BODY) return
      judge()
      request.destroy()
    })
    response.once('end', judge)
    response.once('error', error => { settle({ passed: false, reason: inWords(error) }) })
  })
  request.once('upgrade', (response, socket) => {
    byStatus(response.statusCode!)
    socket.destroy()
  })
  request.end()
  return request
}
