/**
 * How options are declared: a `Check` per value, put together where the option's type is declared. A check reports
 * every fault it finds with the path of the value, and returns the value to work with, defaults filled in.
 */
import { validateHeaderName, validateHeaderValue } from 'node:http'
import { inMilliseconds } from './duration.js'
import { InvalidOptionsError } from './errors.js'

/** Looks at `value`, adds a line to `faults` for each thing wrong with it, returns what to use. */
export type Check<T> = (value: unknown, path: string, faults: string[]) => T

/** The fields of an options object: one check for each key of its type. */
export type Fields<T> = { [K in keyof T]-?: Check<T[K]> }

/** A duration that is valid, but so short that its writer may have thought of seconds. */
export interface Doubt { option: string, value: number }

/** Faults, and doubts where they are wanted. */
type Faults = string[] & { doubts?: Doubt[] }

/** A list of faults whose checks add what they doubt to `doubts`. */
export function faultsWith (doubts: Doubt[]): string[] {
  return Object.assign([], { doubts })
}

/** Checks `value` and returns it with defaults filled in; throws one `FST_LB_INVALID_OPTIONS` that lists every fault. */
export function checked<T> (check: Check<T>, value: unknown, path: string, faults: string[] = []): T {
  const result = check(value, path, faults)
  refuse(faults)
  return result
}

/** Faults that a message lists, and characters of each: a message ends up in logs, and a document may have a million of them. */
const LISTED = 100
const LONGEST_LINE = 1_000

/** Throws `FST_LB_INVALID_OPTIONS` when there are faults. */
export function refuse (faults: readonly string[]): void {
  if (faults.length === 0) return
  const lines = faults.slice(0, LISTED).map(line => line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)}…` : line)
  if (faults.length > LISTED) lines.push(`and ${faults.length - LISTED} more`)
  throw new InvalidOptionsError(lines.join('\n'))
}

/** Adds the line that every fault has: where, what was expected, what was there. */
export function fault (faults: string[], path: string, expected: string, value: unknown): void {
  faults.push(`${path === '' ? 'options' : path}: expected ${expected}, got ${show(value)}`)
}

/** A value for a message: short, on one line, with its type where that is not plain to see. */
function show (value: unknown): string {
  switch (typeof value) {
    case 'undefined': return 'nothing'
    case 'string': return `${JSON.stringify(value.length > 60 ? value.slice(0, 60) + '…' : value)} (string)`
    case 'number':
    case 'boolean': return String(value)
    case 'bigint': return `${value}n`
    case 'function': return 'a function'
    case 'symbol': return 'a symbol'
    default: return value === null ? 'null' : Array.isArray(value) ? 'an array' : 'an object'
  }
}

function simple<T> (expected: string, holds: (value: unknown) => boolean): Check<T> {
  return (value, path, faults) => {
    if (!holds(value)) fault(faults, path, expected, value)
    return value as T
  }
}

export const boolean: Check<boolean> = simple('true or false', value => typeof value === 'boolean')

export const string: Check<string> = simple('a string that is not empty', value => typeof value === 'string' && value !== '')

/** A string that matches `pattern`, which is `expected` in words. */
export function text (pattern: RegExp, expected: string): Check<string> {
  return simple(expected, value => typeof value === 'string' && pattern.test(value))
}

/** The name of a header field, a cookie, … (RFC 9110 §5.6.2, token). */
export const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/

/** A function. What it is called with is the business of its option's doc. */
export function func<T> (): Check<T> {
  return simple('a function', value => typeof value === 'function')
}

/** A number within `min` and `max`, both included. */
export function number (min: number, max = Infinity): Check<number> {
  return simple(range('a number', min, max), value => typeof value === 'number' && value >= min && value <= max)
}

/** A whole number within `min` and `max`, both included; `Infinity` only where `max` is. */
export function integer (min: number, max = Infinity): Check<number> {
  return simple(range('a whole number', min, max), value =>
    typeof value === 'number' && (Number.isSafeInteger(value) || value === max) && value >= min && value <= max)
}

/** Milliseconds that a Node timer can hold at most. */
export const LONGEST_TIMEOUT = 0x7fffffff

/**
 * A duration (see `duration.ts`), as milliseconds; the longest is what a Node timer can hold. A number above 0 and below `unlikelyBelow` is doubted:
 * its writer may have thought of seconds. Text never is.
 */
export function milliseconds (min = 0, unlikelyBelow = 0): Check<number> {
  return (value, path, faults) => {
    const ms = inMilliseconds(value) ?? value as number
    if (!(typeof ms === 'number' && ms >= min && ms <= LONGEST_TIMEOUT)) fault(faults, path, `milliseconds, ${min} to ${LONGEST_TIMEOUT}, or text such as "5s" or "500ms"`, value)
    else if (ms === value && ms > 0 && ms < unlikelyBelow) (faults as Faults).doubts?.push({ option: path, value: ms })
    return ms
  }
}

/** A duration as whole seconds: a number of them, or text. */
export const seconds: Check<number> = (value, path, faults) => {
  const ms = inMilliseconds(value)
  const whole = ms === undefined ? value as number : Math.round(ms / 1_000)
  if (!Number.isSafeInteger(whole) || whole < 0) fault(faults, path, 'seconds, a whole number from 0, or text such as "7d"', value)
  return whole
}

function range (what: string, min: number, max: number): string {
  return max === Infinity ? `${what} from ${min}` : `${min} to ${max}`
}

/** One of these values. */
export function oneOf<const T extends string | number | boolean> (...values: T[]): Check<T> {
  const names = values.map(value => typeof value === 'string' ? `'${value}'` : String(value))
  return simple(names.join(' or '), value => values.includes(value as T))
}

/** Absent means `fallback`, which is used as it is, unchecked. */
export function optional<T> (check: Check<T>): Check<T | undefined>
export function optional<T> (check: Check<T>, fallback: T): Check<T>
export function optional<T> (check: Check<T>, fallback?: T): Check<T | undefined> {
  return (value, path, faults) => value === undefined ? fallback : check(value, path, faults)
}

/** `false` switches the thing off; absent takes `fallback`. */
export function switchable<T> (check: Check<T>, fallback: T | false): Check<T | false> {
  return (value, path, faults) => {
    if (value === undefined) return fallback
    return value === false ? false : check(value, path, faults)
  }
}

/** The same, and `true` is short for an object with `defaults`: what is written alone is what has no default. */
export function shorthand<T> (check: Check<T>, fallback: T | false, defaults: object = {}): Check<T | false> {
  const own = switchable(check, fallback)
  return (value, path, faults) => own(value === true ? defaults : value, path, faults)
}

/** An array, each of whose items passes `check`. */
export function array<T> (check: Check<T>): Check<T[]> {
  return (value, path, faults) => {
    if (!Array.isArray(value)) {
      fault(faults, path, 'an array', value)
      return []
    }
    return value.map((item, i) => check(item, `${path}[${i}]`, faults))
  }
}

/** An object whose keys are names of the user's own. */
export function record<T> (check: Check<T>): Check<Record<string, T>> {
  return (value, path, faults) => {
    const result: Record<string, T> = {}
    if (!isObject(value)) {
      fault(faults, path, 'an object', value)
      return result
    }
    for (const key of Object.keys(value)) {
      // Setting this would change what the object is, not what is in it.
      if (key === '__proto__') faults.push(`${join(path, key)}: expected another name`)
      else result[key] = check(value[key], join(path, key), faults)
    }
    return result
  }
}

/** Header fields to send, by name. */
export const headers: Check<Record<string, string>> = (value, path, faults) => {
  const before = faults.length
  const fields = record(string)(value, path, faults)
  if (faults.length > before) return fields
  for (const [name, text] of Object.entries(fields)) {
    try {
      validateHeaderName(name)
      validateHeaderValue(name, text)
    } catch {
      // Not `fault`: what was got may be a secret.
      faults.push(`${path}[${JSON.stringify(name)}]: expected a header that can be sent, got a name or a value with characters that it must not have`)
    }
  }
  return fields
}

/** An object with exactly these fields. A key that is not one of them is a fault: most are misspelt. */
export function object<T> (fields: Fields<T>): Check<T> {
  const names = Object.keys(fields) as Array<keyof T & string>
  return (value, path, faults) => {
    if (!isObject(value)) {
      fault(faults, path, 'an object', value)
      return {} as T
    }
    for (const key of Object.keys(value)) {
      if (!Object.hasOwn(fields, key)) faults.push(`${join(path, key)}: unknown option; known are ${names.join(', ')}`)
    }
    const result: Partial<T> = {}
    for (const name of names) {
      const field = fields[name](value[name], join(path, name), faults)
      if (field !== undefined) result[name] = field
    }
    return result as T
  }
}

/** The same without defaults: what is absent stays absent. */
export function partial<T> (fields: Fields<T>): Check<Partial<T>> {
  const names = Object.keys(fields) as Array<keyof T>
  return object(Object.fromEntries(names.map(name => {
    const check: Check<unknown> = (value, path, faults) => value === undefined ? undefined : fields[name](value, path, faults)
    return [name, check]
  })) as Fields<Partial<T>>)
}

/** What the object check fills in when nothing is given. */
export function defaultsOf<T> (check: Check<T>): T {
  return check({}, '', [])
}

/** An object that is no array. */
export function isObject (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function join (path: string, key: string): string {
  if (!/^[A-Za-z_$][\w$]*$/.test(key)) return `${path}[${JSON.stringify(key)}]`
  return path === '' ? key : `${path}.${key}`
}
