/** A target that reads strictly, keeps every byte, and answers each request with what it has read of it: a request out of place would be seen. */
import type { Socket } from 'node:net'
import { startRawTarget, type Ending } from '../../helpers/servers.js'
import { readMessage, valuesOf, type Message } from './message.js'

/** A request as `POST /path body`. */
export function inShort (method: string, path: string, body: Buffer | string): string {
  return `${method} ${path} ${body.toString('latin1')}`
}

export interface Target {
  url: string
  /** Requests that came whole, in their order. */
  arrived: Array<{ short: string, fields: Message['fields'] }>
  /** What came that is not HTTP, or more than what was asked for. */
  faults: string[]
}

export async function startStrictTarget (t: Ending): Promise<Target> {
  const arrived: Target['arrived'] = []
  const faults: string[] = []
  const { url } = await startRawTarget(t, socket => { serve(socket) })
  return { url, arrived, faults }

  function serve (socket: Socket): void {
    let bytes = Buffer.alloc(0)
    socket.on('data', chunk => {
      bytes = Buffer.concat([bytes, chunk])
      try {
        for (let whole = readMessage(bytes, { of: 'request' }); whole !== undefined; whole = readMessage(bytes, { of: 'request' })) {
          bytes = bytes.subarray(whole.length)
          // The gateway does not pipeline: whatever follows at once was smuggled.
          if (bytes.length > 0) faults.push(`behind a request: ${JSON.stringify(bytes.toString('latin1'))}`)
          answer(socket, whole.message)
        }
      } catch (error) {
        faults.push(`${(error as Error).message} in ${JSON.stringify(bytes.toString('latin1'))}`)
        socket.destroy()
      }
    })
  }

  function answer (socket: Socket, message: Message): void {
    const [method = '', path = ''] = message.start.split(' ')
    const short = inShort(method, path, message.body)
    arrived.push({ short, fields: message.fields })
    const close = valuesOf(message, 'connection').includes('close')
    const body = method === 'HEAD' ? '' : short
    socket.write(`HTTP/1.1 200 Fine\r\nContent-Type: text/plain\r\n${close ? 'Connection: close\r\n' : ''}Content-Length: ${Buffer.byteLength(short, 'latin1')}\r\n\r\n${body}`, 'latin1')
    if (close) socket.end()
  }
}
