import type { Duration } from '../duration.js'
import { defaultsOf, fault, headers, integer, milliseconds, number, object, oneOf, optional, text, type Check } from '../options.js'

/** Active health checks. Times are milliseconds. */
export interface ProbeOptions {
  /** `http`: a request whose answer is looked at; `tcp`: a connection. @default 'http' */
  type?: 'http' | 'tcp'
  /** Put behind the target's base path. @default '/' */
  path?: string
  /** Method of the request. @default 'GET' */
  method?: string
  /** Between the end of one probe of a target and the start of its next. @default 5_000 */
  interval?: Duration
  /** The same while the target is unhealthy. @default `interval` */
  unhealthyInterval?: Duration
  /** For one probe, from connecting to the end of what is looked at. A server waits as long for the first round before it listens. @default 2_000 */
  timeout?: Duration
  /** Passes in a row that make an unhealthy target healthy. @default 2 */
  rise?: number
  /** Failures in a row that make a healthy target unhealthy. @default 3 */
  fall?: number
  /** Share of the interval, 0 to 1, by which it varies at random, so that probes do not line up. @default 0.1 */
  jitter?: number
  /** What a good answer is like. @default {} */
  expect?: ProbeExpectation
  /** Headers of the probe. @default {} */
  headers?: Record<string, string>
  /** Port to probe. @default the target's own */
  port?: number
  /**
   * A target that was just added: `pending` gives it no request before its first probe has passed, `available` takes it as healthy until
   * a probe says otherwise. @default 'pending'
   */
  initial?: 'pending' | 'available'
}

/** What a good answer to a probe is like. */
export interface ProbeExpectation {
  /** Statuses and ranges of statuses: `'200-399'`, `'200,204'`, `[200, 204]` or `200`. @default '200-399' */
  status?: string | number | number[]
  /** What the body must contain, or a RegExp it must match; the first 64 KB are looked at. @default anything */
  body?: string | RegExp
}

export interface ProbeSettings {
  type: 'http' | 'tcp'
  path: string
  method: string
  interval: number
  unhealthyInterval: number | undefined
  timeout: number
  rise: number
  fall: number
  jitter: number
  expect: { status: (status: number) => boolean, body: ((body: string) => boolean) | undefined }
  headers: Record<string, string>
  port: number | undefined
  initial: 'pending' | 'available'
}

const statusOption: Check<(status: number) => boolean> = (value, path, faults) => {
  const parts = typeof value === 'string' ? value.split(',') : Array.isArray(value) ? value.map(String) : [String(value)]
  const ranges = parts.map(part => {
    const [, from, to = from] = /^\s*([1-5]\d\d)(?:\s*-\s*([1-5]\d\d))?\s*$/.exec(part) ?? []
    return [Number(from), Number(to)] as const
  })
  if (ranges.length === 0 || !ranges.every(([from, to]) => from <= to)) fault(faults, path, "statuses, as '200-399', '200,204' or [200, 204]", value)
  return status => ranges.some(([from, to]) => status >= from && status <= to)
}

const bodyOption: Check<(body: string) => boolean> = (value, path, faults) => {
  if (typeof value === 'string') return body => body.includes(value)
  // A RegExp with the g or y flag goes on where it stopped last time: a new one begins at the beginning.
  if (value instanceof RegExp) return body => new RegExp(value).test(body)
  fault(faults, path, 'a string or a RegExp', value)
  return () => false
}

const pathOption = text(/^\/[\x21-\x7e]*$/, "a path, as '/health'")

const methodOption = text(/^[A-Z][A-Z-]*$/, "a method, as 'GET'")

const isSuccess = statusOption('200-399', '', [])

const expectOptions = object<ProbeSettings['expect']>({
  status: optional(statusOption, isSuccess),
  body: optional(bodyOption) as Check<ProbeSettings['expect']['body']>
})

export const probeOptions = object<ProbeSettings>({
  type: optional(oneOf('http', 'tcp'), 'http'),
  path: optional(pathOption, '/'),
  method: optional(methodOption, 'GET'),
  interval: optional(milliseconds(1, 100), 5_000),
  unhealthyInterval: optional(milliseconds(1, 100)),
  timeout: optional(milliseconds(1, 20), 2_000),
  rise: optional(integer(1), 2),
  fall: optional(integer(1), 3),
  jitter: optional(number(0, 1), 0.1),
  expect: optional(expectOptions, defaultsOf(expectOptions)),
  headers: optional(headers, {}),
  port: optional(integer(1, 65_535)),
  initial: optional(oneOf('pending', 'available'), 'pending')
})
