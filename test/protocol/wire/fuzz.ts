/**
 * Properties that are tried with made-up input. Each run prints its seed; `FUZZ_SEED` tries that one again, `FUZZ_RUNS` says how often to try (thousands
 * find more, a few hundred are part of every run of the tests).
 */
import type { Test } from 'tap'
import fc from 'fast-check'

const { FUZZ_RUNS, FUZZ_SEED } = process.env

/** `runs`: how often, unless the environment says. */
export async function fuzz<T> (t: Test, runs: number, input: fc.Arbitrary<T>, holds: (input: T) => Promise<void>): Promise<void> {
  const seed = FUZZ_SEED === undefined ? Math.floor(Math.random() * 0x7fffffff) : Number(FUZZ_SEED)
  const numRuns = FUZZ_RUNS === undefined ? runs : Number(FUZZ_RUNS)
  t.comment(`FUZZ_SEED=${seed} FUZZ_RUNS=${numRuns}`)
  await fc.assert(fc.asyncProperty(input, holds), { seed, numRuns, endOnFailure: numRuns > runs })
  t.pass(`${numRuns} runs`)
}

/** Bytes that matter to parsers more often than others. */
const byte = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...'\r\n\t :;,=0159aAfF/?#%.\\"-_'.split('').map(char => char.charCodeAt(0)), 0, 0x0b, 0x0c, 0x7f, 0x80, 0xa0, 0xff) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 255 }) }
)

export type Change = { kind: 'put' | 'replace' | 'remove' | 'repeat' | 'cut', at: number, bytes: number[], count: number }

const change: fc.Arbitrary<Change> = fc.record({
  kind: fc.constantFrom('put', 'replace', 'remove', 'repeat', 'cut'),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  bytes: fc.array(byte, { minLength: 1, maxLength: 3 }),
  count: fc.integer({ min: 1, max: 40 })
})

/** One of these texts with a few bytes put in, changed, taken out, said twice, or with its end cut off. */
export function spoilt (texts: string[]): fc.Arbitrary<Buffer> {
  return fc.tuple(fc.constantFrom(...texts), fc.array(change, { maxLength: 4 }))
    .map(([text, changes]) => changes.reduce(spoil, Buffer.from(text, 'latin1')))
}

export function spoil (text: Buffer, { kind, at, bytes, count }: Change): Buffer {
  const from = Math.floor(at * text.length)
  const before = text.subarray(0, from)
  switch (kind) {
    case 'put': return Buffer.concat([before, Buffer.from(bytes), text.subarray(from)])
    case 'replace': return Buffer.concat([before, Buffer.from(bytes), text.subarray(from + bytes.length)])
    case 'remove': return Buffer.concat([before, text.subarray(from + count)])
    case 'repeat': return Buffer.concat([before, text.subarray(from, from + count), text.subarray(from)])
    case 'cut': return before
  }
}

/** Where a text is taken apart: each piece is written by itself. */
export const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 5 })

export function pieces (text: Buffer, cuts: number[]): Buffer[] {
  const at = [0, ...cuts.map(cut => Math.floor(cut * text.length)).sort((a, b) => a - b), text.length]
  return at.slice(1).map((end, i) => text.subarray(at[i], end)).filter(piece => piece.length > 0)
}
