/** One of three targets goes wrong while it goes on listening; the others are well. */
import { pause } from '../harness/clients.js'
import { Stage } from '../harness/stage.js'
import type { Behaviour, Kind } from '../harness/targets.js'
import { get, patient, Promises, reckoning, scaled, type Scenario } from './scenario.js'

interface OneTarget {
  /** Milliseconds that an attempt has. */
  attempt?: number
  behaviour: Behaviour
  full: number
  /** Share of the requests that may fail. */
  mayFail: number
}

function oneTarget (name: string, fault: string, allowed: string, { attempt = 0, behaviour, full, mayFail }: OneTarget): Scenario {
  return {
    name,
    fault,
    allowed,
    run (scale, seed) {
      const requests = scaled(full, scale, 600)
      const upstream = { timeouts: { attempt: attempt === 0 ? 0 : patient(attempt, scale) } }
      return Stage.with({ connections: 32, upstream, behaviour: { latency: [15, 25] }, seed }, async stage => {
        await stage.clients.inTurn(requests, 32, get('o'), {
          every: Math.round(requests / 4),
          // It goes wrong after a quarter, and stays so.
          run: round => round === 0 ? stage.target('b').behave(behaviour) : undefined
        })
        await stage.target('b').behave({})
        const inFlight = await stage.quiet()
        const counted = stage.count()
        const promises = new Promises()
        promises.nothingLost(counted, inFlight)
        promises.keep(counted.errors <= mayFail * requests, `${counted.errors} errors`)
        promises.keep(stage.ejected.has('b'), 'it was not ejected')
        promises.keep([...stage.ejected].every(id => id === 'b'), `ejected: ${[...stage.ejected].join(', ')}`)
        return { requests: counted.requests, measured: `${reckoning(counted)}, ${counted.again} sent again`, broken: promises.broken }
      })
    }
  }
}

const always = (kind: Kind): Behaviour => ({ kinds: { [kind]: 1 } })

export const failFast = oneTarget('fail-fast', 'one target suddenly answers 503 within 1 ms, the others take 20 ms', '≤ 0.1 % GET', {
  behaviour: always('fail-fast'), full: 20_000, mayFail: 0.001
})

export const hang = oneTarget('hang', 'one target hangs, attempt timeout 300 ms', '0 GET', {
  attempt: 300, behaviour: always('hang'), full: 10_000, mayFail: 0
})

export const trickle = oneTarget('trickle', 'one target sends a byte every 20 ms, attempt timeout 300 ms', '0 GET', {
  attempt: 300, behaviour: always('trickle'), full: 5_000, mayFail: 0
})

const nonsense: Partial<Record<Kind, number>> = { 'accept-and-close': 0.2, reset: 0.25, 'reset-in-headers': 0.25, garbage: 0.3 }

export const badAnswers = oneTarget('bad-answers', 'one target closes, resets before or in the headers, or answers garbage', '0 GET', {
  behaviour: { kinds: nonsense }, full: 20_000, mayFail: 0
})

export const flap: Scenario = {
  name: 'flap',
  fault: 'one target closes its port and all connections, and opens it again, all the time',
  allowed: '0 GET',
  run (scale, seed) {
    const requests = scaled(20_000, scale, 1_000)
    return Stage.with({ connections: 32, upstream: { health: { passive: { ejectionTime: 100 } } }, behaviour: { latency: [2, 8] }, seed }, async stage => {
      let times = 0
      await stage.clients.inTurn(requests, 32, get('f'), {
        every: 200,
        async run () {
          times++
          await stage.target('b').refuse()
          await pause(40)
          await stage.target('b').listen()
        }
      })
      const inFlight = await stage.quiet()
      const counted = stage.count()
      const promises = new Promises()
      promises.nothingLost(counted, inFlight)
      promises.keep(counted.errors === 0, `${counted.errors} errors`)
      return { requests: counted.requests, measured: `${times} times: ${reckoning(counted)}, ${counted.again} sent again`, broken: promises.broken }
    })
  }
}
