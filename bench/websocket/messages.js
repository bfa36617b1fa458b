/** WebSocket messages (RFC 6455 §5.2) of one frame each, made beforehand: what is measured is to carry them. */
import { createHash } from 'node:crypto'

/** Bytes of a message, by the name of the workload. */
export const sizes = { '64b': 64, '16kb': 16_384 }

/** As a client sends it: masked. */
export function asked (size) {
  const payload = payloadOf(size)
  const mask = Buffer.from([0x12, 0x9a, 0x5e, 0xc3])
  for (let i = 0; i < size; i++) payload[i] ^= mask[i & 3]
  return Buffer.concat([header(size, 0x80), mask, payload])
}

/** As a server sends it back. */
export function echoed (size) {
  return Buffer.concat([header(size, 0), payloadOf(size)])
}

function payloadOf (size) {
  return Buffer.from(Array.from({ length: size }, (_, i) => i % 251))
}

/** A whole binary message: the first byte, and the length with the mask bit. */
function header (size, masked) {
  if (size < 126) return Buffer.from([0x82, masked | size])
  return Buffer.from([0x82, masked | 126, size >> 8, size & 0xff])
}

/** The handshake's answer to this key (RFC 6455 §4.2.2). */
export function acceptOf (key) {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
}
