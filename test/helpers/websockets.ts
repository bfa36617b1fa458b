/** WebSocket targets and clients. */
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { once } from 'node:events'
import type { IncomingMessage, RequestListener } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { WebSocket, WebSocketServer, type ClientOptions, type ServerOptions } from 'ws'
import type { Certificate } from './certificates.js'
import type { Ending } from './servers.js'

export interface WebSocketTarget {
  name: string
  url: string
  /** Handshakes that came, whatever became of them. */
  handshakes: IncomingMessage[]
  /** Connections that are open. */
  clients: Set<WebSocket>
  /** How connections were closed: code and reason. */
  closed: Array<{ code: number, reason: string }>
  kill: () => Promise<void>
}

/**
 * A target that says its name to each client, and then what the client says.
 * - `refuse`: the status it answers handshakes with instead
 * - `tls`: it speaks https, with this certificate
 * - `ws`: options of its `WebSocketServer`
 */
export async function startWebSocketTarget (t: Ending, name: string, { refuse, tls, ws = {} }: { refuse?: number, tls?: Certificate, ws?: ServerOptions } = {}): Promise<WebSocketTarget> {
  const handshakes: IncomingMessage[] = []
  const closed: Array<{ code: number, reason: string }> = []
  const sockets = new Set<Socket>()
  const answer: RequestListener = (_request, response) => { response.end(name) }
  const server = tls === undefined ? createServer(answer) : createTlsServer({ ...tls }, answer)
  const wss = new WebSocketServer({ ...ws, noServer: true })
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('upgrade', (request, socket, head) => {
    handshakes.push(request)
    if (refuse !== undefined) {
      socket.end(`HTTP/1.1 ${refuse} No\r\nx-target: ${name}\r\nset-cookie: from=${name}\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nno`)
      return
    }
    wss.handleUpgrade(request, socket, head, ws => {
      ws.on('message', (data, isBinary) => { ws.send(data, { binary: isBinary }) })
      ws.on('close', (code, reason) => { closed.push({ code, reason: String(reason) }) })
      ws.on('error', () => {})
      ws.send(name)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const kill = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy()
    if (server.listening) await new Promise(resolve => server.close(resolve))
  }
  t.teardown(kill)
  return { name, url: `http${tls === undefined ? '' : 's'}://127.0.0.1:${(server.address() as AddressInfo).port}`, handshakes, clients: wss.clients, closed, kill }
}

export interface Conversation {
  ws: WebSocket
  /** Fields of the 101. */
  headers: IncomingMessage['headers']
  /** The next message, as text. */
  next: () => Promise<string>
  /** How it was closed. */
  closed: Promise<{ code: number, reason: string }>
}

/** Opens a WebSocket; a refusal throws an Error with the `response` that came instead. */
export async function converse (t: Ending, url: string, { protocols = [], ...options }: ClientOptions & { protocols?: string[] } = {}): Promise<Conversation> {
  const ws = new WebSocket(url.replace(/^http/, 'ws'), protocols, options)
  t.teardown(() => { ws.terminate() })
  const messages: string[] = []
  let waiting: ((message: string) => void) | undefined
  ws.on('message', data => {
    if (waiting === undefined) messages.push(String(data))
    else {
      waiting(String(data))
      waiting = undefined
    }
  })
  const closed = new Promise<{ code: number, reason: string }>(resolve => {
    ws.once('close', (code, reason) => { resolve({ code, reason: String(reason) }) })
  })
  const headers = await new Promise<IncomingMessage['headers']>((resolve, reject) => {
    let fields: IncomingMessage['headers'] = {}
    ws.once('upgrade', response => { fields = response.headers })
    ws.once('open', () => { resolve(fields) })
    ws.on('error', reject)
    ws.once('unexpected-response', (request, response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        reject(Object.assign(new Error(`refused: ${response.statusCode}`), { status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks).toString() }))
        request.destroy()
      })
    })
  })
  return {
    ws,
    headers,
    closed,
    next: async () => messages.shift() ?? await new Promise<string>(resolve => { waiting = resolve })
  }
}
