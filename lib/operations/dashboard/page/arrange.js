/** Which targets are shown, and in which order. */
import { byId } from './dom.js'
import { probeInWords, statusOf } from './words.js'

/**
 * @typedef {import('./model.js').Target} Target
 * @typedef {import('./model.js').Model} Model
 */

const SEVERITY = ['down', 'warn', 'drain', 'off', 'up']

const filter = byId('filter', HTMLInputElement)
const problems = byId('problems', HTMLInputElement)

/** What a column is sorted by; figures start with the highest. @type {Record<string, (target: Target, model: Model) => number | string>} */
const KEYS = {
  name: ({ row }) => row.id,
  status: ({ row }, { now }) => SEVERITY.indexOf(statusOf(row, now).kind),
  weight: ({ row }) => -row.weight,
  inFlight: ({ row }) => -row.inFlight,
  rate: ({ requests }) => -requests.perSecond,
  errors: ({ row }) => -row.failures,
  p50: ({ times }, { timeBounds }) => -(times.quantile('p50', timeBounds).ms ?? 0),
  p99: ({ times }, { timeBounds }) => -(times.quantile('p99', timeBounds).ms ?? 0),
  probe: ({ row }, { now }) => probeInWords(row.lastProbe, now)
}
const FIGURES = new Set(['weight', 'inFlight', 'rate', 'errors', 'p50', 'p99'])

const names = new Intl.Collator(undefined, { numeric: true })

/** `turns`: 1 as the key has it, -1 the other way; without a column, as configured. */
const order = { column: '', turns: 1 }

/** The column that was clicked: first this way, then the other, then not at all. @param {string} column */
export function sortBy (column) {
  if (order.column !== column) Object.assign(order, { column, turns: 1 })
  else if (order.turns === 1) order.turns = -1
  else order.column = ''
}

/** What `aria-sort` of a column's header is. @param {string} column */
export function sortOf (column) {
  if (order.column !== column) return 'none'
  return (order.turns === 1) !== FIGURES.has(column) ? 'ascending' : 'descending'
}

/** @param {() => void} changed is called when something else is asked for */
export function onFilter (changed) {
  for (const control of [filter, problems]) control.addEventListener('input', changed)
}

/** Something is left out. */
export function isFiltered () {
  return filter.value !== '' || problems.checked
}

/**
 * @param {Model} model
 * @returns {(targets: readonly Target[]) => Target[]}
 */
export function arrangement (model) {
  const words = filter.value.toLowerCase().split(/\s+/).filter(word => word !== '')
  const { now } = model
  const key = KEYS[order.column]
  return targets => {
    const shown = targets.filter(target => passes(target, words, now))
    if (key === undefined) return shown
    const keyed = shown.map(target => ({ target, key: key(target, model) }))
    keyed.sort((a, b) => order.turns * compare(a.key, b.key))
    return keyed.map(({ target }) => target)
  }
}

/**
 * @param {Target} target
 * @param {string[]} words
 * @param {number} now
 */
function passes ({ row, upstream }, words, now) {
  if (words.length === 0 && !problems.checked) return true
  const status = statusOf(row, now)
  if (problems.checked && status.kind === 'up') return false
  const text = [upstream.head.name, row.id, row.url, status.text, ...Object.entries(row.tags).flat()].join('\n').toLowerCase()
  return words.every(word => text.includes(word))
}

/**
 * @param {number | string} a
 * @param {number | string} b
 */
function compare (a, b) {
  return typeof a === 'number' && typeof b === 'number' ? a - b : names.compare(String(a), String(b))
}
