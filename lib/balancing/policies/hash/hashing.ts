/** Hashes of text to 32 bits, whole and without a sign, the same in every process. */

const FNV_BASIS = 0x811c9dc5
const FNV_PRIME = 0x01000193

/**
 * FNV-1a over the bytes of the text's code units, finished as Murmur3: bare FNV-1a of short keys that differ in their last character leaves shares of
 * 14 to 38 % where 25 % are due.
 */
export function hash32 (text: string): number {
  let hash = FNV_BASIS
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    hash = Math.imul(hash ^ (unit & 0xff), FNV_PRIME)
    if (unit > 0xff) hash = Math.imul(hash ^ (unit >>> 8), FNV_PRIME)
  }
  return mix(hash)
}

/** Murmur3's finaliser: every bit of the input changes half of the output's. */
export function mix (hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ 0xedb88320
  return crc
})

/** State of a CRC-32 (IEEE 802.3) that nothing has been put into. Kept open, so that many texts with the same beginning cost their ends only. */
export const CRC_START = 0xffffffff

export function crcByte (state: number, byte: number): number {
  return CRC_TABLE[(state ^ byte) & 0xff]! ^ (state >>> 8)
}

/** A character is a byte, as in header fields that Node has read; what is above that counts as UTF-8. */
export function crcText (state: number, text: string): number {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 0xff) return crcBytes(state, Buffer.from(text.slice(i)))
    state = crcByte(state, unit)
  }
  return state
}

function crcBytes (state: number, bytes: Uint8Array): number {
  for (const byte of bytes) state = crcByte(state, byte)
  return state
}

export function crcEnd (state: number): number {
  return ~state >>> 0
}
