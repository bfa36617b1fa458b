/** A client that sends bytes as they are, and shows what comes back. */
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Ending } from './servers.js'
import { until } from './wait.js'

export interface RawClient {
  socket: Socket
  /** All that has come, as latin1. */
  text: () => string
  send: (bytes: string | Buffer) => void
  /** Resolved when what has come matches; then it is forgotten. */
  expect: (pattern: RegExp) => Promise<string>
  closed: Promise<void>
}

export function rawClient (t: Ending, url: string): RawClient {
  const { hostname, port, protocol } = new URL(url)
  const socket = protocol === 'https:'
    ? connectTls({ host: hostname, port: Number(port), rejectUnauthorized: false })
    : connect(Number(port), hostname)
  t.teardown(() => { socket.destroy() })
  let text = ''
  socket.on('error', () => {}).setEncoding('latin1').on('data', chunk => { text += String(chunk) })
  return {
    socket,
    text: () => text,
    send: bytes => { socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes) },
    expect: async pattern => {
      await until(() => pattern.test(text), `${pattern} in ${JSON.stringify(text)}`)
      const got = text
      text = ''
      return got
    },
    closed: new Promise(resolve => { socket.once('close', () => { resolve() }) })
  }
}
