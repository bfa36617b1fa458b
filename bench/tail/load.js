/**
 * The load, open loop: requests go out when they are due, whether or not earlier ones were answered, and the time of each counts from when it was due. A gateway that
 * keeps requests waiting gets no fewer of them, and what waits in this process is counted as well (no coordinated omission).
 */
import { Agent, get } from 'node:http'
import { answerCalls } from '../child.js'
import { times } from '../simulate/engine/distributions.js'
import { stream } from '../simulate/engine/random.js'
import { time } from '../simulate/settings.js'

answerCalls({
  /**
   * Resolves to `times`, the milliseconds that each measured request took, null for one that was not answered well within `deadline`; and `late`, how long
   * after it was due each went out, which is what this machine adds.
   */
  async drive ({ port, perSecond, warmUp, measured, deadline, seed }) {
    const plan = planned({ perSecond, lasts: warmUp + measured, seed })
    const agent = new Agent({ keepAlive: true, maxSockets: Infinity })
    const start = performance.now()
    const answers = []
    const late = []
    for (let next = 0; next < plan.length;) {
      const now = performance.now() - start
      while (next < plan.length && plan[next].due <= now) {
        const { due, work } = plan[next++]
        const answer = ask({ port, agent, work, due: start + due, deadline })
        if (due < warmUp) continue
        answers.push(answer)
        late.push(now - due)
      }
      if (next < plan.length) await new Promise(resolve => setTimeout(resolve, plan[next].due - (performance.now() - start)))
    }
    const results = await Promise.all(answers)
    agent.destroy()
    return { times: results, late }
  }
})

function planned ({ perSecond, lasts, seed }) {
  const arrivals = stream(seed, 'arrivals')
  const work = times(time, stream(seed, 'work'))
  const plan = []
  for (let due = 0; due < lasts;) {
    due += -1000 / perSecond * Math.log(1 - arrivals())
    plan.push({ due, work: work() })
  }
  return plan
}

function ask ({ port, agent, work, due, deadline }) {
  return new Promise(resolve => {
    const request = get({ port, host: '127.0.0.1', agent, path: `/${work.toFixed(3)}` })
    const timer = setTimeout(() => request.destroy(), Math.max(0, due + deadline - performance.now()))
    const end = ms => {
      clearTimeout(timer)
      resolve(ms)
    }
    request.on('response', response => {
      response.resume()
      response.on('end', () => end(response.statusCode === 200 ? performance.now() - due : null))
      response.on('error', () => end(null))
    })
    request.on('error', () => end(null))
  })
}
