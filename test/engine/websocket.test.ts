import t from 'tap'
import type { Writable } from 'node:stream'
import fc from 'fast-check'
import * as ws from 'ws'
import { closeFrame, FrameBoundary, GOING_AWAY } from '../../lib/engine/websocket.js'

/** A frame with a payload of this length (RFC 6455 §5.2). */
function frame (length: number, masked: boolean): Buffer {
  const mask = masked ? 0x80 : 0
  const header = length < 126
    ? Buffer.from([0x82, mask | length])
    : length < 65_536
      ? Buffer.from([0x82, mask | 126, length >> 8, length & 0xff])
      : Buffer.concat([Buffer.from([0x82, mask | 127]), bigEndian64(length)])
  return Buffer.concat([header, Buffer.alloc(masked ? 4 : 0, 7), Buffer.alloc(length, 0x81)])
}

function bigEndian64 (n: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(n))
  return bytes
}

/** Not in the types. */
const { Receiver } = ws as unknown as { Receiver: new (options: { isServer: boolean }) => Writable }

t.test('it stands between two frames exactly where one ends, however the bytes are cut', async t => {
  const lengths = fc.oneof(fc.integer({ min: 0, max: 130 }), fc.constantFrom(125, 126, 127, 65_535, 65_536, 70_000))
  fc.assert(fc.property(fc.array(fc.tuple(lengths, fc.boolean()), { minLength: 1, maxLength: 6 }), fc.array(fc.nat(), { maxLength: 20 }), (frames, cuts) => {
    const parts = frames.map(([length, masked]) => frame(length, masked))
    const bytes = Buffer.concat(parts)
    const ends = new Set<number>([0])
    for (let i = 0, end = 0; i < parts.length; i++) ends.add(end += parts[i]!.length)
    const boundary = new FrameBoundary()
    let at = 0
    for (const cut of [...new Set([...cuts.map(cut => cut % bytes.length), ...ends, bytes.length])].sort((a, b) => a - b)) {
      boundary.pass(bytes.subarray(at, cut))
      at = cut
      if (boundary.betweenFrames !== ends.has(cut)) return false
    }
    return true
  }), { seed: 20_260_101 })
})

t.test('a close frame is understood by a peer, masked and not', async t => {
  for (const masked of [true, false]) {
    const receiver = new Receiver({ isServer: masked })
    const concluded = new Promise(resolve => receiver.once('conclude', resolve))
    receiver.write(closeFrame(GOING_AWAY, masked))
    t.equal(await concluded, 1001)
  }
})
