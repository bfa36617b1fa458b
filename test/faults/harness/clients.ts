/** Clients: each request carries an id, and each answer is compared with what this request must have. */
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { Pool } from 'undici'

export interface Shot {
  id: string
  method: 'GET' | 'POST' | 'PUT'
  /** Bytes of the answer. */
  size: number
  /** Bytes of the body. */
  length: number
  /** The body goes out in pieces, without a length. */
  chunked?: boolean
}

export interface Result {
  shot: Shot
  digest: string
  /** 0: there was no answer, or it broke off. */
  status: number
  /** The body is the one for this request, whole. */
  right: boolean
  /** The body is none of this request's, not even in part. */
  foreign: boolean
  retryAfter: boolean
  /** Nothing came, not even an error. */
  silent: boolean
  error: string | undefined
  /** When it began and ended, by `performance.now()`. */
  from: number
  to: number
}

export interface Disturbance {
  /** After each so many requests. One at a time: what is due while one is under way comes after it, and the load goes on until the last is over. */
  every: number
  run: (round: number) => unknown
}

/** Milliseconds after which an answer will not come any more. */
const PATIENCE = 20_000

export class Clients {
  readonly results: Result[] = []
  readonly #keep: boolean
  readonly #pool: Pool

  /** @param keep whether results are kept */
  constructor (url: string, connections: number, keep = true) {
    this.#keep = keep
    this.#pool = new Pool(url, { connections, headersTimeout: PATIENCE, bodyTimeout: PATIENCE, keepAliveTimeout: 60_000 })
  }

  async send (shot: Shot): Promise<Result> {
    const { id, method, size, length, chunked } = shot
    const body = Buffer.alloc(length, id + ' ')
    const result: Result = {
      shot,
      digest: createHash('sha1').update(body).digest('hex').slice(0, 12),
      status: 0,
      right: false,
      foreign: false,
      retryAfter: false,
      silent: false,
      error: undefined,
      from: performance.now(),
      to: 0
    }
    try {
      const answer = await this.#pool.request({
        path: `/${id}`,
        method,
        headers: { 'x-fault-id': id, 'x-fault-size': String(size), ...(length > 0 && { 'content-type': 'application/octet-stream' }) },
        body: length === 0 ? null : chunked === true ? Readable.from(pieces(body), { objectMode: false }) : body
      })
      const text = await answer.body.text()
      result.status = answer.statusCode
      result.retryAfter = answer.headers['retry-after'] !== undefined
      const expected = (id + ' ').padEnd(size, '.')
      result.right = text === expected
      result.foreign = !expected.startsWith(text)
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      result.error = code ?? message
      result.silent = code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT'
    }
    result.to = performance.now()
    if (this.#keep) this.results.push(result)
    return result
  }

  /** Each of `concurrency` clients sends its next request when the last one is answered. */
  async inTurn (requests: number, concurrency: number, shot: (n: number) => Shot, disturbance?: Disturbance): Promise<void> {
    const rounds = disturbance === undefined ? 0 : Math.floor(requests / disturbance.every)
    let begun = 0
    let over = 0
    let due = 0
    let disturbances = 0
    let disturbed: Promise<unknown> = Promise.resolve()
    const client = async (): Promise<void> => {
      while (begun < requests || disturbances < due) {
        await this.send(shot(begun++))
        if (disturbance === undefined || ++over % disturbance.every !== 0 || due === rounds) continue
        const round = due++
        disturbed = disturbed.then(() => disturbance.run(round)).finally(() => { disturbances++ })
      }
    }
    await Promise.all(Array.from({ length: concurrency }, client))
    await disturbed
  }

  /** So many a second, whatever becomes of them. */
  async atRate (perSecond: number, seconds: number, shot: (n: number) => Shot): Promise<void> {
    const sent: Array<Promise<Result>> = []
    const start = performance.now()
    while (sent.length < perSecond * seconds) {
      const due = Math.min(perSecond * seconds, Math.floor((performance.now() - start) / 1000 * perSecond))
      while (sent.length < due) sent.push(this.send(shot(sent.length)))
      await pause(5)
    }
    await Promise.all(sent)
  }

  close (): Promise<void> { return this.#pool.destroy() }
}

function * pieces (body: Buffer): Iterable<Buffer> {
  for (let at = 0; at < body.length; at += 16_384) yield body.subarray(at, at + 16_384)
}

export function pause (ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
