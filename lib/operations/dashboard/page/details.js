/** All that is known of one target, while its dialog is open. */
import { byId, setText, textElement } from './dom.js'
import { count, duration, outcomeInWords, probeInWords, statusOf, timeOfDay } from './words.js'

/** @typedef {import('./model.js').Target} Target */

const dialog = byId('details', HTMLDialogElement)
const title = byId('details-title', HTMLElement)
const list = byId('details-list', HTMLElement)
/** @type {Target | undefined} */
let shown

/**
 * @param {Target} target
 * @param {number} now
 */
export function showDetails (target, now) {
  shown = target
  list.replaceChildren()
  setText(title, target.row.id)
  updateDetails(now)
  dialog.showModal()
}

/** @param {number} now */
export function updateDetails (now) {
  if (shown === undefined) return
  // What is the same stays the same element, so that whoever has marked it keeps the mark.
  const lines = linesOf(shown, now)
  while (list.children.length > 2 * lines.length) list.lastElementChild?.remove()
  while (list.children.length < 2 * lines.length) list.append(textElement('dt', ''), textElement('dd', ''))
  for (const [i, [name, value]] of lines.entries()) {
    setText(list.children[2 * i], name)
    setText(list.children[2 * i + 1], value)
  }
}

dialog.addEventListener('close', () => { shown = undefined })

/**
 * @param {Target} target
 * @param {number} now
 * @returns {Array<[string, string]>}
 */
function linesOf ({ row, upstream }, now) {
  return [
    ['Upstream', upstream.head.name],
    ['Url', row.url],
    ['Status', statusOf(row, now).text],
    ['State', row.state],
    ['Weight', row.effectiveWeight === row.weight ? String(row.weight) : `${row.weight}, at present ${row.effectiveWeight}`],
    ['Tier', String(row.tier)],
    ['Tags', Object.entries(row.tags).map(([name, value]) => `${name}: ${value}`).join(', ') || 'none'],
    ['In flight', row.streams === 0 ? count(row.inFlight) : `${count(row.inFlight)}, of these ${count(row.streams)} event streams and upgraded connections`],
    ['Open connections', count(row.connections)],
    ['Attempts', count(row.requests)],
    ...Object.entries(row.outcomes).map(([outcome, times]) => /** @type {[string, string]} */ ([outcomeInWords(outcome), count(times)])),
    ['Last failure', row.lastFailure ?? 'none'],
    ['Times ejected', count(row.ejections)],
    ['Ejected until', row.ejectedUntil === null ? 'not ejected' : timeOfDay(row.ejectedUntil)],
    ['First byte, all answers', row.firstByte.count === 0 ? 'none yet' : `half within ${duration(row.firstByte.p50)}, 99 of 100 within ${duration(row.firstByte.p99)}`],
    ['Last probe', probeInWords(row.lastProbe, now)]
  ]
}
