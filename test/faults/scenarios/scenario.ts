import type { Shot } from '../harness/clients.js'
import type { Count } from '../harness/count.js'

/** One line of the table. */
export interface Row {
  requests: number
  measured: string
  /** What was not as promised; empty when all was. */
  broken: string[]
}

export interface Scenario {
  name: string
  /** What happens, under load. */
  fault: string
  /** What clients may see of it. */
  allowed: string
  /** Why it cannot be had on this machine, if so. */
  unavailable?: () => string | undefined
  /** `scale`: share of the full size, 0 to 1. */
  run: (scale: number, seed: number) => Promise<Row>
}

/** So many of something, by scale, and at least some. */
export function scaled (full: number, scale: number, least: number): number {
  return Math.max(least, Math.round(full * scale))
}

/** A deadline that small runs can keep on a machine that is busy with other tests. */
export function patient (ms: number, scale: number): number {
  return scale < 0.1 ? Math.max(ms, 1_500) : ms
}

export const get = (prefix: string) => (n: number): Shot => ({ id: `${prefix}${n}`, method: 'GET', size: 200 + n % 7 * 100, length: 0 })

/** Mostly short forms, now and then one of 20 KB without a length, or one longer than what is kept for another attempt. */
export const post = (prefix: string) => (n: number): Shot => ({
  id: `${prefix}${n}`,
  method: 'POST',
  size: 100,
  length: n % 50 === 0 ? 100_000 : n % 10 === 0 ? 20_000 : 300,
  chunked: n % 10 === 0
})

/** Gathers what is not as it should be. */
export class Promises {
  readonly broken: string[] = []

  keep (kept: boolean, what: string): void {
    if (!kept) this.broken.push(what)
  }

  /** What holds in every scenario. */
  nothingLost ({ lost, doubled, wrong, foreign }: Count, inFlight: number): void {
    this.keep(lost === 0, `${lost} lost`)
    this.keep(doubled === 0, `${doubled} doubled`)
    this.keep(foreign === 0, `${foreign} answered with what belongs to another`)
    this.keep(wrong === 0, `${wrong} answered with less than the body`)
    this.keep(inFlight === 0, `${inFlight} in flight at the end`)
  }
}

export function errorsOf ({ errors, failed }: Count): string {
  if (errors === 0) return '0 errors'
  const kinds = Object.entries(failed).map(([status, times]) => `${times} × ${status === '0' ? 'connection cut' : status}`)
  return `${errors} errors (${kinds.join(', ')})`
}

export function reckoning (counted: Count): string {
  return `${errorsOf(counted)}, ${counted.lost} lost, ${counted.doubled} doubled, ${counted.wrong} wrong`
}
