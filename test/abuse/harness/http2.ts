/** Frames of HTTP/2 that a client of Node's would not send. */
import { block, END_HEADERS, END_STREAM, FRAME, frame, PREFACE } from '../../protocol/wire/http2.js'

const INITIAL_WINDOW_SIZE = 4

/** The beginning of a connection, on which no stream may send a byte of a body. */
export function openWithoutWindow (): Buffer {
  const setting = Buffer.alloc(6)
  setting.writeUInt16BE(INITIAL_WINDOW_SIZE, 0)
  return Buffer.concat([Buffer.from(PREFACE), frame(FRAME.settings, 0, 0, setting)])
}

export function openConnection (): Buffer {
  return Buffer.concat([Buffer.from(PREFACE), frame(FRAME.settings, 0, 0)])
}

/** `count` requests of one path, from the first stream on. */
export function requests (path: string, count: number, first = 1): Buffer {
  const fields = block([[':method', 'GET'], [':scheme', 'http'], [':authority', 'x'], [':path', path]])
  return Buffer.concat(Array.from({ length: count }, (_, i) => frame(FRAME.headers, END_HEADERS | END_STREAM, first + 2 * i, fields)))
}

/** Cancels them. */
export function resets (count: number, first = 1): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, i) => frame(FRAME.reset, 0, first + 2 * i, Buffer.from([0, 0, 0, 8]))))
}
