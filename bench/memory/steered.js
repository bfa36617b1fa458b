/** Ours with probes, while its targets come and go; the event loop is watched meanwhile. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises'
import { answerCalls } from '../child.js'
import { build } from '../proxies/ours.js'

/** Milliseconds between two looks at the event loop, which are part of every delay in the histogram. */
const RESOLUTION = 1

let app

answerCalls({
  /** `active`: options of the probes. Resolves to the port and to how the loop fared until the server listened. */
  async start ({ origins, active }) {
    app = await build(origins, { health: { active, passive: {} } })
    const stalls = await watched(() => app.listen({ host: '127.0.0.1', port: 0 }))
    return { port: app.server.address().port, stalls }
  },

  idle: ({ seconds }) => watched(() => delay(seconds * 1000)),

  add: ({ origins }) => watched(async () => {
    for (const origin of origins) {
      shop().add(origin)
      await nextTurn()
    }
  }),

  remove: ({ origins }) => watched(async () => {
    for (const origin of origins) {
      void shop().remove(origin, { drainMs: 0 })
      await nextTurn()
    }
  }),

  replace: ({ origins }) => watched(async () => { await shop().replace(origins) })
})

function shop () {
  return app.upstreams.get('shop')
}

/**
 * Milliseconds by which the event loop was late at most, and in 99 % of the looks at it; and the most CPU time between two looks of `turns`, which is what this process
 * has to do with it when the machine is busy with others.
 */
async function watched (act) {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION })
  histogram.enable()
  const cpu = turns()
  // The first look is at the end of the first interval: without it, what is over by then was never there.
  await delay(20)
  await act()
  await delay(20)
  histogram.disable()
  return { most: histogram.max / 1e6 - RESOLUTION, p99: histogram.percentile(99) / 1e6 - RESOLUTION, cpu: cpu.end() }
}

/** Looks at this process's CPU time in every turn of the event loop; `end()` gives the most of one turn, in milliseconds. */
function turns () {
  let most = 0
  let last = process.cpuUsage()
  let next
  const look = () => {
    const now = process.cpuUsage()
    most = Math.max(most, now.user - last.user + now.system - last.system)
    last = now
    next = setImmediate(look)
  }
  next = setImmediate(look)
  return {
    end () {
      clearImmediate(next)
      return most / 1000
    }
  }
}
