/**
 * A strict reading of HTTP/1.1 (RFC 9112) with none of the leniency that it allows: what is not exactly right is a fault. A peer that reads like this
 * would notice any byte out of place.
 */
export interface Message {
  /** The request line or the status line. */
  start: string
  /** As they came; names in lower case. */
  fields: Array<[string, string]>
  body: Buffer
}

export class Malformed extends Error {}

export interface Reading {
  of: 'request' | 'response'
  /** A response to HEAD, which has no body whatever its fields say. */
  head?: boolean
  /** Nothing more will come. */
  ended?: boolean
}

const START = {
  request: /^[!#$%&'*+.^`|~\w-]+ (?:\/[\x21\x22\x24-\x7e\x80-\xff]*|\*) HTTP\/1\.1$/,
  response: /^HTTP\/1\.1 [1-5]\d\d [\t\x20-\x7e\x80-\xff]*$/
}

const FIELD = /^([!#$%&'*+.^`|~\w-]+):[ \t]*([\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?[ \t]*$/

/** The first message in `bytes` and how long it is; undefined when it is not whole yet. Throws `Malformed`. */
export function readMessage (bytes: Buffer, reading: Reading): { message: Message, length: number } | undefined {
  const text = bytes.toString('latin1')
  const end = text.indexOf('\r\n\r\n')
  const [start = '', ...lines] = (end === -1 ? text : text.slice(0, end)).split('\r\n')
  // What is wrong in a line that is whole need not wait for the rest.
  if (end === -1 && !text.includes('\r\n')) return undefined
  if (!START[reading.of].test(start)) throw new Malformed(`start line ${JSON.stringify(start)}`)
  if (end === -1) return undefined
  const fields = lines.map(line => {
    const field = FIELD.exec(line)
    if (field === null) throw new Malformed(`field line ${JSON.stringify(line)}`)
    return [field[1]!.toLowerCase(), field[2] ?? ''] as [string, string]
  })
  const body = readBody(text, end + 4, framing(start, fields, reading), reading)
  if (body === undefined) return undefined
  return { message: { start, fields, body: Buffer.from(body.text, 'latin1') }, length: body.end }
}

export function valuesOf ({ fields }: Message, name: string): string[] {
  return fields.filter(field => field[0] === name).map(field => field[1])
}

function framing (start: string, fields: Message['fields'], { of, head = false }: Reading): number | 'chunked' | 'close' {
  const named = (name: string): string[] => fields.filter(field => field[0] === name).map(field => field[1])
  const lengths = named('content-length')
  const codings = named('transfer-encoding')
  if (lengths.length + codings.length > 1) throw new Malformed(`framed twice: ${[...lengths, ...codings].join(' and ')}`)
  if (of === 'request' && named('host').length !== 1) throw new Malformed('not one Host')
  if (lengths.length === 1 && !/^\d{1,15}$/.test(lengths[0]!)) throw new Malformed(`content-length ${JSON.stringify(lengths[0])}`)
  if (codings.length === 1 && codings[0] !== 'chunked') throw new Malformed(`transfer-encoding ${JSON.stringify(codings[0])}`)
  // RFC 9110 §8.6, RFC 9112 §6.1
  if (of === 'response' && /^HTTP\/1\.1 (?:1..|204)/.test(start) && lengths.length + codings.length > 0) throw new Malformed(`the length of a body that cannot be: ${start}`)
  if (of === 'response' && (head || /^HTTP\/1\.1 (?:1..|204|304)/.test(start))) return 0
  if (codings.length === 1) return 'chunked'
  return lengths.length === 1 ? Number(lengths[0]) : of === 'request' ? 0 : 'close'
}

function readBody (text: string, from: number, framing: number | 'chunked' | 'close', { ended = false }: Reading): { text: string, end: number } | undefined {
  if (framing === 'close') return ended ? { text: text.slice(from), end: text.length } : undefined
  if (framing === 'chunked') return readChunks(text, from)
  return text.length < from + framing ? undefined : { text: text.slice(from, from + framing), end: from + framing }
}

/** Without extensions: they are of one connection, and a gateway has no business passing them on. */
function readChunks (text: string, from: number): { text: string, end: number } | undefined {
  let body = ''
  for (let at = from; ;) {
    const eol = text.indexOf('\r\n', at)
    if (eol === -1) return undefined
    const size = text.slice(at, eol)
    if (!/^[\da-f]{1,8}$/i.test(size)) throw new Malformed(`chunk size ${JSON.stringify(size)}`)
    const data = eol + 2
    const end = data + parseInt(size, 16)
    if (text.length < end + 2) return undefined
    if (text.slice(end, end + 2) !== '\r\n') throw new Malformed(`after a chunk ${JSON.stringify(text.slice(end, end + 2))}`)
    if (end === data) return { text: body, end: end + 2 }
    body += text.slice(data, end)
    at = end + 2
  }
}
