/** What has happened, as a list; and, for those who do not see it, what happens now. */
import { byId, textElement } from './dom.js'
import { count, eventInWords, eventKind, timeOfDay } from './words.js'

/** @typedef {import('./model.js').PastEvent} PastEvent */

const MOST = 100
/** More at once are told as a number: nobody listens to a hundred sentences. */
const MOST_TOLD = 3

const list = byId('events', HTMLOListElement)
const announcer = byId('announcer', HTMLElement)
/** Not in the list yet, the oldest first. @type {PastEvent[]} */
let fresh = []
/** @type {string[]} */
let untold = []

/** @param {PastEvent[]} events the oldest first */
export function showAll (events) {
  fresh = []
  list.replaceChildren(...events.map(itemOf).reverse())
}

/** @param {PastEvent} event */
export function showOne (event) {
  fresh.push(event)
  announce(`${event.target} ${eventInWords(event)}`)
}

/** Puts those that have come into the list, once a frame: a thousand targets may change at once. */
export function drawEvents () {
  if (fresh.length === 0) return
  list.prepend(...fresh.slice(-MOST).map(itemOf).reverse())
  fresh = []
  while (list.childElementCount > MOST) list.lastElementChild?.remove()
}

/**
 * To be read out.
 * @param {string} words
 */
export function announce (words) {
  if (untold.push(words) > 1) return
  setTimeout(() => {
    announcer.textContent = untold.length <= MOST_TOLD ? untold.join('. ') : `${count(untold.length)} changes of targets, the last: ${untold.at(-1)}`
    untold = []
  }, 1_000)
}

/** @param {PastEvent} event */
function itemOf (event) {
  const item = document.createElement('li')
  item.dataset.kind = eventKind(event.type)
  const time = textElement('time', timeOfDay(event.at))
  time.dateTime = new Date(event.at).toISOString()
  const words = textElement('span', eventInWords(event))
  const name = textElement('bdi', event.target)
  name.title = `${event.upstream}: ${event.target}`
  item.append(time, name, words)
  return item
}
