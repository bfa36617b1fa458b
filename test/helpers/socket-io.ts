/** socket.io, both ends. */
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo, Socket as TcpSocket } from 'node:net'
import { Server } from 'socket.io'
import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client'
import type { Ending } from './servers.js'

export interface SocketIoTarget {
  name: string
  url: string
  /** What was requested over HTTP: method and how (`polling`, `websocket`), in their order. */
  requests: string[]
  server: Server
  kill: () => Promise<void>
}

/** A target that says `welcome` with its name to each client, and answers `say` with what was said. */
export async function startSocketIoTarget (t: Ending, name: string): Promise<SocketIoTarget> {
  const requests: string[] = []
  const sockets = new Set<TcpSocket>()
  const server = createServer()
  const io = new Server(server, { pingInterval: 1_000 })
  const note = (request: { method?: string, url?: string }): void => { requests.push(`${request.method!} ${new URL(request.url!, 'http://a').searchParams.get('transport')!}`) }
  server.prependListener('request', note).prependListener('upgrade', note)
  server.on('connection', socket => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  io.on('connection', socket => {
    socket.emit('welcome', name)
    socket.on('say', (what: unknown, answer: (said: unknown, by: string) => void) => { answer(what, name) })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const kill = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy()
    if (server.listening) await io.close()
  }
  t.teardown(kill)
  return { name, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests, server: io, kill }
}

export interface Chat {
  socket: Socket
  /** Targets that have said welcome, in their order: each time it has connected. */
  welcomes: string[]
  /** What went wrong on the way. */
  errors: Error[]
  /** The means by which it speaks now. */
  transport: () => string
  /** Says something, and resolves to who answered with just that. */
  say: (what: unknown) => Promise<string>
}

/** A client of the gateway that does not begin by itself: `socket.connect()`. */
export function chat (t: Ending, url: string, options: Partial<ManagerOptions & SocketOptions> = {}): Chat {
  const socket = io(url, { autoConnect: false, forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 50, ...options })
  t.teardown(() => { socket.disconnect() })
  const welcomes: string[] = []
  const errors: Error[] = []
  socket.on('welcome', name => { welcomes.push(name) })
  socket.on('connect_error', error => { errors.push(error) })
  return {
    socket,
    welcomes,
    errors,
    transport: () => socket.io.engine.transport.name,
    say: async what => await new Promise((resolve, reject) => {
      socket.timeout(10_000).emit('say', what, (error: Error | null, said: unknown, by: string) => {
        if (error !== null) reject(error)
        else if (JSON.stringify(said) !== JSON.stringify(what)) reject(new Error(`heard ${JSON.stringify(said)}`))
        else resolve(by)
      })
    })
  }
}
