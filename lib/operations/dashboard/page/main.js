/** The page: what the server tells goes into the model, and once a frame what has changed goes from there onto the screen. */
import { arrangement, isFiltered, onFilter, sortBy, sortOf } from './arrange.js'
import { change } from './changes.js'
import { showDetails, updateDetails } from './details.js'
import { byId, setText } from './dom.js'
import { drawEvents, showAll, showOne } from './events.js'
import { Model } from './model.js'
import { listen } from './stream.js'
import { UpstreamView } from './upstream-view.js'
import { count } from './words.js'

const model = new Model()
const main = byId('upstreams', HTMLElement)
const connection = byId('connection', HTMLElement)
/** @type {Map<string, UpstreamView>} */
let views = new Map()
const controls = { mayWrite: false, change, show: (/** @type {import('./model.js').Target} */ target) => { showDetails(target, model.now) } }

// ---- the screen -----------------------------------------------------------------------------------------------------------

let frame = 0
/** What was asked for by the user also holds in a table where somebody is at work. */
let asked = false

function draw () {
  if (frame === 0) frame = requestAnimationFrame(drawNow)
}

function rearrange () {
  asked = true
  draw()
}

function drawNow () {
  frame = 0
  const arrange = arrangement(model)
  for (const view of views.values()) view.arrange(arrange, asked)
  asked = false
  const tops = [...views.values()].map(view => view.measure())
  const { now } = model
  let i = 0
  for (const view of views.values()) if (!view.render(tops[i++], now, model.timeBounds)) draw()
  updateDetails(now)
  drawEvents()
  const all = [...views.values()]
  const total = all.reduce((sum, { upstream }) => sum + upstream.targets.length, 0)
  const shown = all.reduce((sum, view) => sum + view.shown, 0)
  setText(byId('shown', HTMLElement), isFiltered() ? `${count(shown)} of ${count(total)} targets` : `${count(total)} targets`)
  const panicking = all.filter(({ upstream }) => upstream.head.panic)
  const panic = byId('panic', HTMLElement)
  panic.hidden = panicking.length === 0
  setText(panic, `panic: ${panicking.map(({ upstream }) => upstream.head.name).join(', ')}`)
}

/** One view for each upstream, in their order. */
function drawUpstreams () {
  const before = views
  views = new Map([...model.upstreams].map(([name, upstream]) => {
    const view = before.get(name)
    return [name, view?.upstream === upstream ? view : newView(upstream)]
  }))
  const elements = [...views.values()].map(view => view.element)
  if (elements.length !== main.childElementCount || elements.some((element, i) => element !== main.children[i])) main.replaceChildren(...elements)
  draw()
}

/** @param {import('./model.js').Upstream} upstream */
function newView (upstream) {
  const view = new UpstreamView(upstream, controls)
  for (const header of view.sortHeaders) {
    header.addEventListener('click', () => {
      sortBy(/** @type {string} */ (header.dataset.sort))
      for (const other of views.values()) markSort(other)
      rearrange()
    })
  }
  markSort(view)
  return view
}

/** @param {UpstreamView} view */
function markSort (view) {
  for (const header of view.sortHeaders) header.ariaSort = sortOf(/** @type {string} */ (header.dataset.sort))
}

// ---- the server -----------------------------------------------------------------------------------------------------------

async function askWhatIsAllowed () {
  const answer = await fetch('access')
  if (!answer.ok) return
  const { name, write, process } = await answer.json()
  controls.mayWrite = write
  byId('read-only', HTMLElement).hidden = write
  setText(byId('process', HTMLElement), `process ${process.pid} on ${process.host}${name === null ? '' : `, you are ${name}`}`)
  draw()
}

/**
 * @param {string} words
 * @param {string} kind
 */
function connected (words, kind) {
  setText(connection, words)
  connection.dataset.kind = kind
}

listen({
  snapshot (snapshot) {
    connected('live', 'up')
    model.replace(snapshot)
    showAll(snapshot.events)
    drawUpstreams()
    // Anew with each connection: it may be another process that answers, and rights may have changed.
    void askWhatIsAllowed().catch(() => {})
  },
  changes (changes) {
    model.change(changes)
    for (const event of changes.events ?? []) showOne(event)
    drawUpstreams()
  },
  event (event) {
    if (event.type === 'target:changed') model.changed(event)
    showOne(event)
    draw()
  },
  lost () { connected('connection lost, trying again', 'down') }
})

onFilter(rearrange)
addEventListener('scroll', draw, { passive: true })
addEventListener('resize', draw, { passive: true })
