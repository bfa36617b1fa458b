/** Durations as they are written in options: milliseconds as a number, or text with a unit. */

/** Milliseconds, or text with a unit: `'500ms'`, `'5s'`, `'1m'`, `'1.5h'`, `'30d'`. */
export type Duration = number | `${number}ms` | `${number}s` | `${number}m` | `${number}h` | `${number}d`

/** Options with defaults filled in and durations as milliseconds. */
export type Settled<T> = { [K in keyof T]-?: Exclude<T[K], Exclude<Duration, number> | undefined> }

/** Milliseconds of each unit. */
const UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Milliseconds of a duration in text; undefined for anything else. */
export function inMilliseconds (text: unknown): number | undefined {
  const [, amount, unit] = typeof text === 'string' && text.length < 30 ? /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? [] : []
  return unit === undefined ? undefined : Number(amount) * UNITS[unit]!
}
