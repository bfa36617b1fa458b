/** Targets close idle connections just when the next request comes on them: half-closed, closed or reset. */
import { pause } from '../harness/clients.js'
import { Stage } from '../harness/stage.js'
import { get, post, Promises, reckoning, scaled, type Scenario } from './scenario.js'

const WAVE = 32

function race (name: string, fault: string, allowed: string, shot: typeof get, mayFail: boolean): Scenario {
  return {
    name,
    fault,
    allowed,
    run (scale, seed) {
      const waves = Math.ceil(scaled(10_000, scale, 640) / WAVE)
      return Stage.with({ connections: WAVE, behaviour: { idle: { ms: 20, spread: 8 } }, seed }, async stage => {
        for (let wave = 0; wave < waves; wave++) {
          await Promise.all(Array.from({ length: WAVE }, (_, n) => stage.clients.send(shot('i')(wave * WAVE + n))))
          await pause(14 + wave % 9)
        }
        const inFlight = await stage.quiet()
        const counted = stage.count()
        const promises = new Promises()
        promises.nothingLost(counted, inFlight)
        promises.keep(mayFail || counted.errors === 0, `${counted.errors} errors`)
        promises.keep(counted.errors === (counted.failed[502] ?? 0), 'errors other than 502')
        promises.keep(stage.ejected.size === 0, `ejected: ${[...stage.ejected].join(', ')}`)
        const lost = stage.outcomes['reset'] ?? 0
        return { requests: waves * WAVE, measured: `${lost} races lost: ${reckoning(counted)}, ${stage.ejected.size} ejected`, broken: promises.broken }
      })
    }
  }
}

export const raceGet = race('race-get', 'keep-alive race: idle connections close as requests come, GET', '0', get, false)
export const racePost = race('race-post', 'the same, POST', '0 doubled', post, true)
