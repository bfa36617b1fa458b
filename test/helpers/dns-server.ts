/** A DNS server on loopback that answers as it is told, in packets as they are on the wire (RFC 1035). */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import type { Ending } from './servers.js'

export type DnsRecord =
  { A: string, ttl?: number } |
  { AAAA: string, ttl?: number } |
  { SRV: string, port: number, priority?: number, weight?: number, ttl?: number }

/** RCODEs. */
const FAILURES = { FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 }

const TYPES: Record<string, number> = { A: 1, AAAA: 28, SRV: 33 }

export interface DnsServer {
  /** As the option `servers` takes it. */
  address: string
  /** What is known, by name. A name without records does not exist; a failure is answered as such; `silent` is not answered. */
  zone: Record<string, DnsRecord[] | keyof typeof FAILURES | 'silent'>
  /** What was asked, as `A api.internal`, in its order. */
  asked: string[]
}

/** What an answer over UDP may have; a longer one has to be fetched over TCP. */
const LONGEST_PACKET = 512

export async function startDns (t: Ending, zone: DnsServer['zone'] = {}): Promise<DnsServer> {
  const tcp = createServer()
  tcp.listen(0, '127.0.0.1')
  await once(tcp, 'listening')
  const { port } = tcp.address() as AddressInfo
  const udp = createSocket('udp4')
  udp.bind(port, '127.0.0.1')
  await once(udp, 'listening')
  t.teardown(() => {
    udp.close()
    tcp.close()
  })
  const server: DnsServer = { address: `127.0.0.1:${port}`, zone, asked: [] }
  udp.on('message', (query, client) => {
    const answer = respond(server, query)
    if (answer !== undefined) udp.send(answer.length > LONGEST_PACKET ? truncated(answer, query) : answer, client.port, client.address)
  })
  tcp.on('connection', socket => {
    socket.on('error', () => {})
    // Each message has its length before it; so short a question comes in one piece.
    socket.on('data', data => {
      const answer = respond(server, data.subarray(2))!
      const length = Buffer.alloc(2)
      length.writeUInt16BE(answer.length)
      socket.write(Buffer.concat([length, answer]))
    })
  })
  return server
}

function respond (server: DnsServer, query: Buffer): Buffer | undefined {
  const { name, type, end } = question(query)
  server.asked.push(`${Object.keys(TYPES).find(key => TYPES[key] === type)} ${name}`)
  const known = server.zone[name] ?? 'NXDOMAIN'
  if (known === 'silent') return undefined
  const records = typeof known === 'string' ? [] : known.filter(record => TYPES[Object.keys(record)[0]!] === type)
  const header = Buffer.alloc(12)
  query.copy(header, 0, 0, 2)
  header.writeUInt16BE(0x8580 | (typeof known === 'string' ? FAILURES[known] : 0), 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(records.length, 6)
  return Buffer.concat([header, query.subarray(12, end), ...records.map(answer)])
}

/** The question alone, with the flag that says so. */
function truncated (answer: Buffer, query: Buffer): Buffer {
  const short = Buffer.from(answer.subarray(0, question(query).end))
  short.writeUInt16BE(short.readUInt16BE(2) | 0x0200, 2)
  short.writeUInt16BE(0, 6)
  return short
}

function question (query: Buffer): { name: string, type: number, end: number } {
  const labels: string[] = []
  let at = 12
  for (let length = query[at]!; length > 0; length = query[at]!) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.'), type: query.readUInt16BE(at + 1), end: at + 5 }
}

/** One resource record; its name is that of the question. */
function answer (record: DnsRecord): Buffer {
  const data = dataOf(record)
  const fixed = Buffer.alloc(12)
  fixed.writeUInt16BE(0xc00c, 0)
  fixed.writeUInt16BE(TYPES[Object.keys(record)[0]!]!, 2)
  fixed.writeUInt16BE(1, 4)
  fixed.writeUInt32BE(record.ttl ?? 60, 6)
  fixed.writeUInt16BE(data.length, 10)
  return Buffer.concat([fixed, data])
}

function dataOf (record: DnsRecord): Buffer {
  if ('A' in record) return Buffer.from(record.A.split('.').map(Number))
  if ('AAAA' in record) return version6(record.AAAA)
  const { SRV, port, priority = 0, weight = 0 } = record
  const fixed = Buffer.alloc(6)
  fixed.writeUInt16BE(priority, 0)
  fixed.writeUInt16BE(weight, 2)
  fixed.writeUInt16BE(port, 4)
  const labels = SRV.split('.').filter(label => label !== '').map(label => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]))
  return Buffer.concat([fixed, ...labels, Buffer.alloc(1)])
}

function version6 (address: string): Buffer {
  const [head = '', tail] = address.split('::')
  const groups = (part: string): number[] => part === '' ? [] : part.split(':').map(group => parseInt(group, 16))
  const [front, back] = [groups(head), tail === undefined ? [] : groups(tail)]
  const all = [...front, ...Array<number>(8 - front.length - back.length).fill(0), ...back]
  return Buffer.from(all.flatMap(group => [group >> 8, group & 255]))
}
