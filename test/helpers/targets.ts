/** Backend servers on loopback, closed when the test ends. */
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net'
import { once } from 'node:events'

/** What a test hands over: it is told what to do at its end. */
export interface Ending { teardown: (run: () => unknown) => void }

export interface Seen { method: string, url: string, headers: IncomingMessage['headers'], body: Buffer }

export interface TestTarget {
  name: string
  url: string
  port: number
  server: Server
  /** Connections that are open. */
  sockets: Set<Socket>
  /** Requests whose body has been read whole, in their order. */
  seen: Seen[]
  /** Ends it and all its connections. */
  kill: () => Promise<void>
}

/**
 * A target that reads each request whole, notes it, and answers with its own name as text, or as `handler` wants. The name is in the
 * header `x-target`, too.
 */
export async function startTarget (
  t: Ending, name: string, handler?: (seen: Seen, ...args: Parameters<RequestListener>) => void, { host = '127.0.0.1', port: wanted = 0 } = {}
): Promise<TestTarget> {
  const seen: Seen[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => { chunks.push(chunk) })
    request.on('end', () => {
      const entry = { method: request.method!, url: request.url!, headers: request.headers, body: Buffer.concat(chunks) }
      seen.push(entry)
      response.setHeader('x-target', name)
      if (handler !== undefined) {
        handler(entry, request, response)
      } else {
        response.setHeader('content-type', 'text/plain')
        response.end(name)
      }
    })
  })
  const sockets = new Set<Socket>()
  server.on('connection', socket => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  const port = await listen(server, host, wanted)
  const kill = (): Promise<void> => stop(server)
  t.teardown(kill)
  return { name, url: `http://${host}:${port}`, port, server, sockets, seen, kill }
}

/** A TCP server: for targets that answer what no HTTP server would. */
export async function startRawTarget (t: Ending, onSocket: (socket: Socket) => void): Promise<{ url: string, port: number, sockets: Set<Socket>, kill: () => Promise<void> }> {
  const sockets = new Set<Socket>()
  const server = createTcpServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    onSocket(socket)
  })
  const port = await listen(server)
  const kill = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy()
    await stop(server)
  }
  t.teardown(kill)
  return { url: `http://127.0.0.1:${port}`, port, sockets, kill }
}

/** The url of a port that refuses connections: it was free a moment ago. */
export async function refusedUrl (): Promise<string> {
  const server = createTcpServer()
  const port = await listen(server)
  await stop(server)
  return `http://127.0.0.1:${port}`
}

async function listen (server: Server | TcpServer, host = '127.0.0.1', port = 0): Promise<number> {
  server.listen(port, host)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function stop (server: Server | TcpServer): Promise<void> {
  if (!server.listening) return
  const closed = once(server, 'close')
  server.close()
  if ('closeAllConnections' in server) server.closeAllConnections()
  await closed
}
