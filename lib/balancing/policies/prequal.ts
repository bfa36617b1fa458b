import type { Duration, Settled } from '../../duration.js'
import { defaultsOf, fault, integer, milliseconds, number, object, optional, switchable, text, TOKEN, type Check } from '../../options.js'
import type { Answer, Policy, PolicyTools } from '../policy.js'
import type { Target } from '../target.js'
import { Among } from './among.js'
import { hasFailed, isFailure } from './failures.js'
import { leastRequests } from './least-requests.js'
import { Samples } from './samples.js'

/** Options of the policy `prequal`. */
export interface PrequalOptions {
  /** Fields of the targets' responses; clients do not get to see them. @default {} */
  headers?: {
    /** Requests that the target has, apart from this one. @default 'x-prequal-in-flight' */
    inFlight?: string
    /** Milliseconds that requests take it at present. @default 'x-prequal-latency' */
    latency?: string
  }
  /** Share of all in-flight figures, 0 to 1, up to which a target is cold: 0 goes by requests in flight alone, 1 by latency alone. @default 0.6 */
  quantile?: number
  /** What targets have said last is remembered of so many, and of half of the targets at most. @default 16 */
  samples?: number
  /** Milliseconds after which what a target has said is out of date. @default 1_000 */
  maxAge?: Duration
  /** Questions besides: without them nothing is known of targets that get few requests. @default false */
  probes?: PrequalProbeOptions | false
}

/** What `prequal` asks targets, apart from the requests of clients. */
export interface PrequalProbeOptions {
  /** Path that answers with the same header fields, put behind the target's base path. @default '/prequal' */
  path?: string
  /** Questions for each request, to targets drawn at random; may be less than 1. @default 1 */
  perRequest?: number
  /** Milliseconds; a later answer is out of date. @default 100 */
  timeout?: Duration
}

export interface PrequalSettings {
  headers: { inFlight: string, latency: string }
  quantile: number
  samples: number
  maxAge: number
  probes: Settled<PrequalProbeOptions> | false
}

const fieldName: Check<string> = (value, path, faults) => {
  if (typeof value !== 'string' || !TOKEN.test(value)) {
    fault(faults, path, 'the name of a header field', value)
    return ''
  }
  return value.toLowerCase()
}

const path = text(/^\/[\x21-\x22\x24-\x7e]*$/, "a path, as '/prequal'")

const headerNames = object<PrequalSettings['headers']>({
  inFlight: optional(fieldName, 'x-prequal-in-flight'),
  latency: optional(fieldName, 'x-prequal-latency')
})

const probeOptions = object<Settled<PrequalProbeOptions>>({
  path: optional(path, '/prequal'),
  perRequest: optional(number(0.01, 10), 1),
  timeout: optional(milliseconds(1), 100)
})

export const prequalOptions = object<PrequalSettings>({
  headers: optional(headerNames, defaultsOf(headerNames)),
  quantile: optional(number(0, 1), 0.6),
  samples: optional(integer(2, 128), 16),
  maxAge: optional(milliseconds(1), 1_000),
  probes: switchable(probeOptions, false)
})

/**
 * Prequal (Wydrowski, Kleinberg, Rumble and Archer, NSDI 2024): by what targets say of their own requests in flight and latency, in response headers
 * and, with `probes`, in answers to questions. Of the targets heard of last, the cold one with the lowest latency; where all are hot, the one with
 * the fewest requests. Where fewer than two have been heard of, least requests. Whoever has just failed is left out for `maxAge`: a server that fails
 * fast has few requests and a low latency.
 */
export function prequal (tools: PolicyTools, settings: PrequalSettings = defaultsOf(prequalOptions)): Policy {
  const { random, now, ask } = tools
  const { headers, probes, maxAge, quantile } = settings
  const samples = new Samples({ quantile, maxAge, most: settings.samples, rate: 1 + (probes === false ? 0 : probes.perRequest) }, random)
  const among = new Among()
  const fits = (target: Target): boolean => among.has(target)
  const fallback = leastRequests(tools)
  const failedAt = new Map<Target, number>()
  /** Targets that could be picked the last time. */
  let count = 0
  /** Questions that are due. */
  let due = 0

  function hear (target: Target, { header }: Answer): void {
    const inFlight = figure(header(headers.inFlight))
    const latency = figure(header(headers.latency))
    if (inFlight === undefined || latency === undefined || hasJustFailed(target)) return
    samples.add(target, inFlight, latency, now(), count)
  }

  function hasJustFailed (target: Target): boolean {
    const at = failedAt.get(target)
    return at !== undefined && now() - at < maxAge
  }

  function fail (target: Target): void {
    failedAt.set(target, now())
    samples.forget(target)
  }

  function probe (targets: readonly Target[], { path, perRequest, timeout }: Settled<PrequalProbeOptions>): void {
    for (due += perRequest; due >= 1; due--) {
      const target = targets[Math.floor(random() * targets.length)]!
      ask(target, path, timeout, answer => { hear(target, answer) })
    }
  }

  return {
    pick (targets, context) {
      count = targets.length
      if (probes !== false) probe(targets, probes)
      among.set(targets)
      return samples.take(now(), fits) ?? fallback.pick(targets, context)
    },

    update (all) {
      const members = new Set(all)
      samples.keep(members)
      for (const target of failedAt.keys()) if (!members.has(target)) failedAt.delete(target)
      among.forget()
      fallback.update!(all)
    },

    loaded (target) {
      fallback.loaded!(target)
    },

    answered (target, answer) {
      if (isFailure(answer.status)) fail(target)
      else hear(target, answer)
    },

    settle (target, settlement) {
      if (hasFailed(settlement)) fail(target)
    }
  }
}

/** A number from 0; undefined for anything else. */
function figure (text: string | undefined): number | undefined {
  return text !== undefined && /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : undefined
}
