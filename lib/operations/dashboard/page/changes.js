/** Changes that the user makes, and takes back. */
import { byId } from './dom.js'
import { announce } from './events.js'

/**
 * @typedef {import('./model.js').Target} Target
 * @typedef {{ state?: string, weight?: number }} Change
 */

const notice = byId('notice', HTMLElement)
const text = byId('notice-text', HTMLElement)
const undo = byId('undo', HTMLButtonElement)

/** The last one last. @type {Array<{ target: Target, before: Change, what: string }>} */
const done = []

/**
 * @param {Target} target
 * @param {Change} change
 */
export async function change (target, change) {
  const { id, state, weight } = target.row
  const before = change.state === undefined ? { weight } : { state }
  const what = change.state === undefined ? `${id}: weight ${change.weight}, was ${weight}` : `${id}: ${change.state}, was ${state}`
  if (!await send(target, change)) return
  done.push({ target, before, what })
  show(what)
  announce('The button Undo at the end of the page takes it back')
}

// One after the other: whoever presses the button twice takes two changes back.
let turn = Promise.resolve()
undo.addEventListener('click', () => { turn = turn.then(takeBack) })

async function takeBack () {
  const last = done.pop()
  if (last === undefined) return
  if (await send(last.target, last.before)) show(`undone: ${last.what}`)
  else done.push(last)
}

byId('dismiss', HTMLButtonElement).addEventListener('click', () => {
  notice.hidden = true
  byId('filter', HTMLInputElement).focus()
})

/** @param {string} words */
function show (words) {
  text.textContent = words
  notice.classList.remove('failed')
  notice.hidden = false
  // A button that goes while it has the focus takes the focus with it.
  undo.ariaDisabled = String(done.length === 0)
}

/**
 * @param {Target} target
 * @param {Change} change
 * @returns {Promise<boolean>} it was made
 */
async function send (target, change) {
  const { id } = target.row
  const { name } = target.upstream.head
  try {
    const answer = await fetch(`upstreams/${encodeURIComponent(name)}/target?${new URLSearchParams({ id })}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(change)
    })
    if (answer.ok) return true
    throw new Error((await answer.json()).message)
  } catch (error) {
    const words = `${id} was not changed: ${/** @type {Error} */ (error).message}`
    text.textContent = words
    announce(words)
    notice.classList.add('failed')
    notice.hidden = false
    return false
  }
}
