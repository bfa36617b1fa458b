/**
 * JSON that somebody else has written, bounded before it is parsed: how long a text may be, and how deep it may nest. What is made of a text that is
 * nested without end is walked by recursion later (a comparison, `JSON.stringify`, a user's `map`), and that is where a process would die of it.
 */

/** Characters that a document may have, unless an option says something else. */
export const MAX_LENGTH = 4_194_304

/** Levels of lists and objects within each other. The deepest document that is of use here, a list of Kubernetes' EndpointSlices, has about 12. */
export const MAX_DEPTH = 64

const QUOTE = 0x22
const BACKSLASH = 0x5c

/** As `JSON.parse`. Throws an Error that names the bound and the place when the text is longer, or nested deeper, than it may be. */
export function parseJson (text: string, maxLength = MAX_LENGTH): unknown {
  if (text.length > maxLength) throw new Error(tooLong(text.length, maxLength))
  const at = tooDeepAt(text)
  if (at !== -1) throw new Error(tooDeep(placeIn(text, at)))
  return JSON.parse(text)
}

export function tooLong (length: number, maxLength: number): string {
  return `expected at most ${maxLength} characters, got ${length}`
}

export function tooDeep (place: string): string {
  return `${place}: expected at most ${MAX_DEPTH} levels of nesting, got more`
}

/** An offset in words. */
function placeIn (text: string, offset: number): string {
  const before = text.slice(0, offset)
  return `line ${before.split('\n').length}, column ${offset - before.lastIndexOf('\n')}`
}

/** Where the nesting becomes too deep, or -1. Each character is looked at once. */
function tooDeepAt (text: string): number {
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === QUOTE) i = endOfString(text, i)
    // `[` and `{`, `]` and `}` differ in one bit.
    else if ((code | 0x20) === 0x7b && ++depth > MAX_DEPTH) return i
    else if ((code | 0x20) === 0x7d) depth--
  }
  return -1
}

/** Where the string that begins here ends. One that does not end is a fault that the parser finds. */
function endOfString (text: string, start: number): number {
  let i = start + 1
  while (i < text.length && text.charCodeAt(i) !== QUOTE) i += text.charCodeAt(i) === BACKSLASH ? 2 : 1
  return i
}
