/** As much of the WebSocket protocol (RFC 6455) as it takes to end somebody else's connection in good manners. */
import { randomBytes } from 'node:crypto'

/** The one who says so goes away, as a server that shuts down (RFC 6455 §7.4.1). */
export const GOING_AWAY = 1001

/** Follows a stream of frames (RFC 6455 §5.2) to know whether it stands between two of them: the only place where a frame of our own fits. */
export class FrameBoundary {
  /** Bytes of the present frame's payload that are still to come. */
  #payload = 0
  readonly #header = new Uint8Array(14)
  #have = 0
  #need = 2

  get betweenFrames (): boolean { return this.#payload === 0 && this.#have === 0 }

  pass (chunk: Uint8Array): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#payload > 0) {
        const part = Math.min(this.#payload, chunk.length - at)
        this.#payload -= part
        at += part
      } else {
        this.#header[this.#have++] = chunk[at++]!
        if (this.#have === 2) this.#need = headerLength(this.#header[1]!)
        if (this.#have >= 2 && this.#have === this.#need) this.#beginPayload()
      }
    }
  }

  #beginPayload (): void {
    const short = this.#header[1]! & 0x7f
    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0
    let length = lengthBytes === 0 ? short : 0
    for (let i = 0; i < lengthBytes; i++) length = length * 256 + this.#header[2 + i]!
    this.#payload = length
    this.#have = 0
    this.#need = 2
  }
}

/** By the second byte: mask bit and 7 bits of length. */
function headerLength (second: number): number {
  const short = second & 0x7f
  return 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + (second >= 0x80 ? 4 : 0)
}

/** A close frame. Clients mask what they send, servers do not (RFC 6455 §5.1). */
export function closeFrame (code: number, masked: boolean): Buffer {
  const payload = Buffer.from([code >> 8, code & 0xff])
  if (!masked) return Buffer.concat([Buffer.from([0x88, payload.length]), payload])
  const mask = randomBytes(4)
  return Buffer.concat([Buffer.from([0x88, 0x80 | payload.length]), mask, payload.map((byte, i) => byte ^ mask[i]!)])
}
