/** A target's row. It is made when it comes into sight, and from then on only what changes is touched. */
import { fromTemplate, part, setAttribute, setText } from './dom.js'
import { points } from './sparkline.js'
import { count, duration, probeInWords, rate, statusOf, timeOfDay } from './words.js'

/**
 * @typedef {import('./model.js').Target} Target
 * @typedef {{ mayWrite: boolean, change: (target: Target, change: { state?: string, weight?: number }) => void, show: (target: Target) => void }} Controls
 */

export class TargetRow {
  element = fromTemplate('target-template')
  #name = part(this.element, 'name')
  #status = part(this.element, 'status')
  #inFlight = part(this.element, 'inFlight')
  #rate = part(this.element, 'rate')
  #errors = part(this.element, 'errors')
  #p50 = part(this.element, 'p50')
  #p99 = part(this.element, 'p99')
  #probe = part(this.element, 'probe')
  /** @type {SVGPolylineElement} */
  #spark = part(this.element, 'spark')
  /** @type {HTMLButtonElement[]} */
  #states = []
  /** @type {HTMLInputElement | undefined} */
  #weight

  /**
   * @param {Target} target
   * @param {Controls} controls
   */
  constructor (target, controls) {
    this.target = target
    this.mayWrite = controls.mayWrite
    const { id, url } = target.row
    setText(this.#name, id)
    const button = /** @type {HTMLElement} */ (this.#name.parentElement)
    button.title = id === url ? id : `${id}\n${url}`
    button.addEventListener('click', () => { controls.show(target) })
    if (controls.mayWrite) this.#addControls(controls)
  }

  /** @param {Controls} controls */
  #addControls ({ change }) {
    const { target } = this
    const states = fromTemplate('state-template')
    states.setAttribute('aria-label', `State of ${target.row.id}`)
    this.#states = [...states.querySelectorAll('button')]
    for (const button of this.#states) {
      button.addEventListener('click', () => { if (target.row.state !== button.value) change(target, { state: button.value }) })
    }
    part(this.element, 'state-cell').append(states)

    const weight = document.createElement('input')
    Object.assign(weight, { type: 'number', min: '0', max: '256', step: '1', required: true, className: 'weight', ariaLabel: `Weight of ${target.row.id}` })
    weight.addEventListener('change', () => {
      if (weight.reportValidity() && weight.valueAsNumber !== target.row.weight) change(target, { weight: weight.valueAsNumber })
    })
    weight.addEventListener('blur', () => { weight.value = String(target.row.weight) })
    weight.addEventListener('keydown', ({ key }) => { if (key === 'Escape') weight.value = String(target.row.weight) })
    part(this.element, 'weight-cell').append(weight)
    this.#weight = weight
  }

  /**
   * @param {number} now
   * @param {number[]} timeBounds
   */
  update (now, timeBounds) {
    const { row, requests, errors, times } = this.target
    const { kind, text } = statusOf(row, now)
    this.element.dataset.kind = kind
    setText(this.#status, text)
    setAttribute(this.#status, 'title', row.ejectedUntil === null ? text : `${text}, at ${timeOfDay(row.ejectedUntil)}`)
    this.#updateControls()
    setText(this.#inFlight, row.maxRequests === null ? count(row.inFlight) : `${count(row.inFlight)} of ${count(row.maxRequests)}`)
    setText(this.#rate, rate(requests.perSecond))
    setText(this.#errors, count(row.failures))
    this.#errors.classList.toggle('lately', errors.lately)
    setAttribute(this.#errors, 'title', row.lastFailure === null ? '' : `the last: ${row.lastFailure}`)
    for (const [cell, name] of /** @type {const} */ ([[this.#p50, 'p50'], [this.#p99, 'p99']])) {
      const { ms, stale } = times.quantile(name, timeBounds)
      setText(cell, duration(ms))
      cell.classList.toggle('stale', stale)
      setAttribute(cell, 'title', ms === null ? 'no answer yet' : stale ? 'of all answers since the start: there was none lately' : 'of the last half minute or so')
    }
    const probe = probeInWords(row.lastProbe, now)
    setText(this.#probe, probe)
    setAttribute(this.#probe, 'title', row.lastProbe === null ? '' : `${probe}, after ${duration(row.lastProbe.durationMs)}`)
    this.#probe.classList.toggle('failed', row.lastProbe?.passed === false)
    setAttribute(this.#spark, 'points', points(requests.samples))
    this.#spark.classList.toggle('idle', !requests.lately)
  }

  #updateControls () {
    const { state, weight } = this.target.row
    if (this.#weight === undefined) {
      setText(part(this.element, 'state-cell'), state)
      setText(part(this.element, 'weight-cell'), String(weight))
      return
    }
    for (const button of this.#states) setAttribute(button, 'aria-pressed', String(button.value === state))
    // Not under the hands of whoever is writing there.
    if (document.activeElement !== this.#weight && this.#weight.value !== String(weight)) this.#weight.value = String(weight)
  }
}
