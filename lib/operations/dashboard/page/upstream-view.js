/**
 * An upstream's heading and table. Of its rows only those in sight are in the page, with room kept for the others, so that a thousand targets cost
 * what forty do. While the pointer or the focus is in the table, rows keep their places: nobody is to drain what has just moved under the pointer.
 */
import { fromTemplate, part, setAttribute, setText } from './dom.js'
import { TargetRow } from './target-row.js'
import { count, duration, rate } from './words.js'

/** Pixels; the style sheet has it, too. */
const ROW_HEIGHT = 34
/** Rows beyond what is in sight, and the step in which the window moves. */
const SPARE = 10
/** Rows that are made in one frame: more would be felt. What is in sight comes first. */
const NEW_IN_A_FRAME = 16

/**
 * @typedef {import('./model.js').Target} Target
 * @typedef {import('./model.js').Upstream} Upstream
 * @typedef {(targets: readonly Target[]) => Target[]} Arrange
 */

export class UpstreamView {
  element = fromTemplate('upstream-template')
  #name = part(this.element, 'name')
  #policy = part(this.element, 'policy')
  #available = part(this.element, 'available')
  #panic = part(this.element, 'panic')
  #none = part(this.element, 'none')
  #table = /** @type {HTMLTableElement} */ (this.element.querySelector('table'))
  #body = this.#table.tBodies[0]
  /** Those that pass the filter, in the order asked for. @type {Target[]} */
  #arranged = []
  /** @type {Map<Target, TargetRow>} */
  #rows = new Map()
  /** Which of them are in the page, by their places: to see whether that has changed. @type {Array<Target | undefined>} */
  #inPage = []
  /** @type {Map<string, Element>} */
  #figures = new Map()

  /**
   * @param {Upstream} upstream
   * @param {import('./target-row.js').Controls} controls
   */
  constructor (upstream, controls) {
    this.upstream = upstream
    this.controls = controls
    setText(this.#name, upstream.head.name)
    this.#table.setAttribute('aria-label', `Targets of ${upstream.head.name}`)
  }

  get sortHeaders () {
    return /** @type {HTMLElement[]} */ ([...this.#table.querySelectorAll('th[data-sort]')])
  }

  /** How many pass the filter. */
  get shown () {
    return this.#arranged.length
  }

  /** Somebody is at work in it. */
  get held () {
    return this.#body.matches(':hover') || this.#body.contains(document.activeElement)
  }

  /**
   * @param {Arrange} arrange
   * @param {boolean} asked the user has asked for another order or filter; else rows that are held stay where they are
   */
  arrange (arrange, asked) {
    const { targets, byId } = this.upstream
    if (asked || !this.held) {
      this.#arranged = arrange(targets)
    } else {
      const known = new Set(this.#arranged)
      const stay = this.#arranged.filter(target => byId.get(target.row.id) === target)
      this.#arranged = [...stay, ...arrange(targets.filter(target => !known.has(target)))]
    }
    for (const [target, row] of this.#rows) {
      if (byId.get(target.row.id) === target && row.mayWrite === this.controls.mayWrite) continue
      this.#rows.delete(target)
      row.element.remove()
      this.#inPage = []
    }
  }

  /** Where its rows begin and end in the window, in pixels. Read for all before any is changed, or the browser would lay out the page for each. */
  measure () {
    return this.#body.getBoundingClientRect().top
  }

  /**
   * @param {number} top as measured
   * @param {number} now
   * @param {number[]} timeBounds
   * @returns {boolean} all is there; else another frame has to follow
   */
  render (top, now, timeBounds) {
    this.#renderHeading(timeBounds)
    const complete = this.#renderWindow(top)
    for (const row of this.#rows.values()) row.update(now, timeBounds)
    return complete
  }

  /** @param {number[]} timeBounds */
  #renderHeading (timeBounds) {
    const { head, targets, requests, errors, retries, times } = this.upstream
    const available = targets.filter(({ row }) => row.available).length
    setText(this.#policy, head.policy)
    setText(this.#available, `${count(available)} of ${count(targets.length)} available`)
    this.#available.dataset.kind = available === targets.length ? 'up' : available === 0 ? 'down' : 'warn'
    this.#panic.hidden = !head.panic
    this.element.classList.toggle('panic', head.panic)
    this.#figure('Requests', `${rate(requests.perSecond)} /s`)
    this.#figure('Errors', `${rate(errors.perSecond)} /s`, errors.lately)
    this.#figure('Retries', `${rate(retries.perSecond)} /s`)
    this.#figure('Queued', count(head.queued), head.queued > 0)
    this.#figure('p50', duration(times.quantile('p50', timeBounds).ms))
    this.#figure('p99', duration(times.quantile('p99', timeBounds).ms))
    this.#none.hidden = this.#arranged.length > 0
    setText(this.#none, targets.length === 0 ? 'No targets.' : 'No target passes the filter.')
  }

  /**
   * @param {string} name
   * @param {string} value
   * @param {boolean} [lately]
   */
  #figure (name, value, lately = false) {
    let element = this.#figures.get(name)
    if (element === undefined) {
      const figure = fromTemplate('figure-template')
      setText(/** @type {Element} */ (figure.firstElementChild), name)
      element = /** @type {Element} */ (figure.lastElementChild)
      this.#figures.set(name, element)
      part(this.element, 'figures').append(figure)
    }
    setText(element, value)
    element.classList.toggle('lately', lately)
  }

  /**
   * @param {number} top
   * @returns {boolean} all that should be in the page is
   */
  #renderWindow (top) {
    const all = this.#arranged
    const first = clamp(Math.floor(-top / ROW_HEIGHT / SPARE) * SPARE, 0, all.length)
    const last = clamp(Math.ceil((window.innerHeight - top) / ROW_HEIGHT / SPARE) * SPARE, first, all.length)
    const wanted = [...all.slice(first, last), ...all.slice(Math.max(first - SPARE, 0), first), ...all.slice(last, last + SPARE)]
    // Whoever has the focus keeps it, also when it is scrolled out of sight.
    const focused = [...this.#rows.values()].find(({ element }) => element.contains(document.activeElement))?.target
    if (focused !== undefined && all.includes(focused)) wanted.push(focused)
    let room = NEW_IN_A_FRAME
    const shown = new Set(wanted.filter(target => this.#rows.has(target) || room-- > 0))
    this.#show(shown)
    return room >= 0
  }

  /** @param {Set<Target>} shown */
  #show (shown) {
    const all = this.#arranged
    const inPage = all.map(target => shown.has(target) ? target : undefined)
    if (inPage.length === this.#inPage.length && inPage.every((target, i) => target === this.#inPage[i])) return
    this.#inPage = inPage
    setAttribute(this.#table, 'aria-rowcount', String(all.length + 1))
    for (const [target, row] of this.#rows) {
      if (shown.has(target)) continue
      this.#rows.delete(target)
      row.element.remove()
    }
    this.#place()
  }

  /**
   * Puts the rows into the page, with room between them for those that are not. A row that is there already is not moved, or it would lose the focus.
   */
  #place () {
    for (const spacer of this.#body.querySelectorAll('.spacer')) spacer.remove()
    let next = this.#body.firstElementChild
    let room = 0
    const leaveRoom = () => {
      if (room > 0) this.#body.insertBefore(spacerOf(room * ROW_HEIGHT), next)
      room = 0
    }
    for (const [i, target] of this.#inPage.entries()) {
      if (target === undefined) {
        room++
        continue
      }
      leaveRoom()
      const { element } = this.#rowOf(target)
      element.ariaRowIndex = String(i + 2)
      if (element === next) next = next.nextElementSibling
      else this.#body.insertBefore(element, next)
    }
    leaveRoom()
  }

  /** @param {Target} target */
  #rowOf (target) {
    let row = this.#rows.get(target)
    if (row === undefined) this.#rows.set(target, row = new TargetRow(target, this.controls))
    return row
  }
}

/** @param {number} height */
function spacerOf (height) {
  const spacer = document.createElement('tr')
  spacer.className = 'spacer'
  spacer.ariaHidden = 'true'
  spacer.style.height = `${height}px`
  return spacer
}

/**
 * @param {number} value
 * @param {number} least
 * @param {number} most
 */
function clamp (value, least, most) {
  return Math.min(Math.max(value, least), most)
}
