/** HTTP/2 (RFC 9113) frame by frame, for requests that no client would send. Fields are written as literals (RFC 7541 §6.2.3), without Huffman. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export type Field = readonly [name: string, value: string]

/** How a stream ended: with a response (its body), or reset, or with the connection. */
export type Ending = { body: string } | 'reset' | 'connection closed'

/** Types of frames. */
export const FRAME = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goaway: 7 } as const
/** What a client sends first. */
export const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
export const END_STREAM = 0x1
export const END_HEADERS = 0x4
const ACK = 0x1

export class Http2Client {
  readonly #socket: Socket
  #bytes = Buffer.alloc(0)
  #nextStream = 1
  readonly #streams = new Map<number, { body: string, end: (ending: Ending) => void }>()

  private constructor (socket: Socket) {
    this.#socket = socket
    socket.on('error', () => {})
    socket.on('data', chunk => { this.#read(chunk) })
    socket.on('close', () => { this.#lost() })
  }

  static async open (url: string): Promise<Http2Client> {
    const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1' })
    await once(socket, 'connect')
    const client = new Http2Client(socket)
    socket.write(PREFACE)
    client.#write(FRAME.settings, 0, 0)
    return client
  }

  /** `body`: undefined ends the stream with its fields. `trailers`: fields behind the body. */
  ask (fields: readonly Field[], body?: string, trailers?: readonly Field[]): Promise<Ending> {
    const id = this.#nextStream
    this.#nextStream += 2
    const ending = new Promise<Ending>(resolve => { this.#streams.set(id, { body: '', end: resolve }) })
    this.#write(FRAME.headers, END_HEADERS | (body === undefined ? END_STREAM : 0), id, block(fields))
    if (body !== undefined) this.#write(FRAME.data, trailers === undefined ? END_STREAM : 0, id, Buffer.from(body, 'latin1'))
    if (trailers !== undefined) this.#write(FRAME.headers, END_HEADERS | END_STREAM, id, block(trailers))
    if (this.#socket.destroyed) this.#lost()
    return ending
  }

  leave (): void {
    this.#socket.destroy()
  }

  #write (type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): void {
    this.#socket.write(frame(type, flags, stream, payload))
  }

  #read (chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk])
    while (this.#bytes.length >= 9) {
      const end = 9 + this.#bytes.readUIntBE(0, 3)
      if (this.#bytes.length < end) return
      const frame = this.#bytes.subarray(0, end)
      this.#bytes = this.#bytes.subarray(end)
      this.#frame(frame[3]!, frame[4]!, frame.readUInt32BE(5), frame.subarray(9))
    }
  }

  #frame (type: number, flags: number, id: number, payload: Buffer): void {
    const stream = this.#streams.get(id)
    if (type === FRAME.settings && flags === 0) this.#write(FRAME.settings, ACK, 0)
    if (type === FRAME.goaway) this.#socket.destroy()
    if (type === FRAME.reset) this.#end(id, 'reset')
    if (type === FRAME.data && stream !== undefined) stream.body += payload.toString('latin1')
    if ((type === FRAME.data || type === FRAME.headers) && stream !== undefined && (flags & END_STREAM) !== 0) this.#end(id, { body: stream.body })
  }

  #end (id: number, ending: Ending): void {
    this.#streams.get(id)?.end(ending)
    this.#streams.delete(id)
  }

  #lost (): void {
    for (const id of [...this.#streams.keys()]) this.#end(id, 'connection closed')
  }
}

export function frame (type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

export function block (fields: readonly Field[]): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0x10]), text(name), text(value)]))
}

function text (value: string): Buffer {
  return Buffer.concat([length(value.length), Buffer.from(value, 'latin1')])
}

/** RFC 7541 §5.1, with a prefix of 7 bits. */
function length (n: number): Buffer {
  if (n < 127) return Buffer.from([n])
  const bytes = [127]
  for (n -= 127; n >= 128; n = Math.floor(n / 128)) bytes.push(n % 128 + 128)
  return Buffer.from([...bytes, n])
}
