/** What the page says: no codes, no identifiers. Pure functions of what the admin API shows. */

const numbers = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const tenths = new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 })
const times = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' })

/** @type {Record<string, string>} */
const OUTCOMES = {
  success: 'Answered',
  'bad-status': 'Answered with an error of the server',
  'connect-failure': 'Could not connect',
  timeout: 'No answer in time',
  reset: 'Connection broke',
  malformed: 'Answer was not HTTP',
  'client-aborted': 'Client left',
  'client-fault': 'Request could not be sent',
  abandoned: 'Given up by the gateway'
}

/** @param {string} outcome */
export function outcomeInWords (outcome) {
  return OUTCOMES[outcome] ?? outcome
}

/** @param {number} value */
export function count (value) {
  return numbers.format(value)
}

/** @param {number} perSecond */
export function rate (perSecond) {
  if (perSecond === 0) return '0'
  return perSecond < 10 ? tenths.format(perSecond) : numbers.format(perSecond)
}

/** @param {number | null} ms */
export function duration (ms) {
  if (ms === null) return '–'
  if (ms < 10) return `${tenths.format(ms)} ms`
  if (ms < 1_000) return `${numbers.format(ms)} ms`
  return ms < 60_000 ? `${tenths.format(ms / 1_000)} s` : `${numbers.format(ms / 60_000)} min`
}

/** Whole seconds, minutes or hours. @param {number} ms */
export function span (ms) {
  const seconds = Math.max(0, Math.round(ms / 1_000))
  if (seconds < 90) return `${seconds} s`
  return seconds < 5_400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`
}

/** @param {number} at */
export function timeOfDay (at) {
  return times.format(at)
}

/**
 * What is the matter with a target, and how bad it is.
 * @param {import('./model.js').TargetRow} row
 * @param {number} now
 * @returns {{ kind: 'up' | 'warn' | 'down' | 'drain' | 'off', text: string }}
 */
export function statusOf (row, now) {
  if (row.state === 'maintenance') return { kind: 'off', text: row.inFlight > 0 ? `maintenance, ${count(row.inFlight)} still in flight` : 'maintenance' }
  const trouble = troubleOf(row, now)
  if (row.state === 'drain') {
    const text = row.inFlight > 0 ? `draining, ${count(row.inFlight)} in flight` : 'draining'
    return trouble === undefined ? { kind: 'drain', text } : { kind: trouble.kind, text: `draining; ${trouble.text}` }
  }
  if (trouble !== undefined) return trouble
  if (row.weight === 0) return { kind: 'drain', text: 'known clients only: its weight is 0' }
  if (row.maxRequests !== null && row.inFlight >= row.maxRequests) return { kind: 'warn', text: 'full' }
  if (row.effectiveWeight < row.weight) return { kind: 'up', text: `warming up: ${Math.round(100 * row.effectiveWeight / row.weight)} %` }
  return { kind: 'up', text: 'up' }
}

/**
 * What probes and traffic have against it.
 * @param {import('./model.js').TargetRow} row
 * @param {number} now
 * @returns {{ kind: 'warn' | 'down', text: string } | undefined}
 */
function troubleOf ({ health, standing, lastProbe, ejectedUntil, ejectionReason }, now) {
  if (health === 'unhealthy') {
    return { kind: 'down', text: lastProbe === null || lastProbe.passed ? 'unhealthy; its last probe passed' : `unhealthy: ${lastProbe.reason}` }
  }
  if (standing === 'out') return { kind: 'down', text: `ejected: ${ejectionReason}; back in ${span((ejectedUntil ?? now) - now)}` }
  if (standing === 'trial') return { kind: 'warn', text: `on trial, was ejected: ${ejectionReason}` }
  return health === 'pending' ? { kind: 'warn', text: 'waits for its first probe' } : undefined
}

/**
 * @param {import('./model.js').TargetRow['lastProbe']} probe
 * @param {number} now
 */
export function probeInWords (probe, now) {
  return probe === null ? '–' : `${probe.passed ? '' : 'failed: '}${probe.reason}, ${span(now - probe.at)} ago`
}

/**
 * What has happened to a target.
 * @param {import('./model.js').PastEvent} event
 */
export function eventInWords ({ type, reason, state, weight }) {
  switch (type) {
    case 'target:added': return 'was added'
    case 'target:removed': return 'was taken out'
    case 'target:changed': return `was changed: ${state}, weight ${weight}`
    case 'target:ejected': return `ejected: ${reason}`
    case 'target:restored': return `is back: ${reason}`
    case 'target:healthy': return `healthy: ${reason}`
    default: return `unhealthy: ${reason}`
  }
}

/**
 * How an event is coloured.
 * @param {string} type
 */
export function eventKind (type) {
  if (type === 'target:ejected' || type === 'target:unhealthy') return 'down'
  return type === 'target:healthy' || type === 'target:restored' ? 'up' : 'off'
}
