/** A DNS server on loopback that answers as it is told, in packets as they are on the wire (RFC 1035). */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
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
  close: () => void
}

export async function startDns (t: Ending, zone: DnsServer['zone'] = {}): Promise<DnsServer> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  let open = true
  const close = (): void => {
    if (open) socket.close()
    open = false
  }
  t.teardown(close)
  const server: DnsServer = { address: `127.0.0.1:${(socket.address() as AddressInfo).port}`, zone, asked: [], close }
  socket.on('message', (query, { port, address }) => {
    const { name, type, end } = question(query)
    server.asked.push(`${Object.keys(TYPES).find(key => TYPES[key] === type)} ${name}`)
    const known = server.zone[name] ?? 'NXDOMAIN'
    if (known === 'silent') return
    const records = typeof known === 'string' ? [] : known.filter(record => TYPES[Object.keys(record)[0]!] === type)
    const header = Buffer.alloc(12)
    query.copy(header, 0, 0, 2)
    header.writeUInt16BE(0x8580 | (typeof known === 'string' ? FAILURES[known] : 0), 2)
    header.writeUInt16BE(1, 4)
    header.writeUInt16BE(records.length, 6)
    socket.send(Buffer.concat([header, query.subarray(12, end), ...records.map(answer)]), port, address)
  })
  return server
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
