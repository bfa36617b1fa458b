/** `kill -9` of one of three targets, again and again, each time another. */
import { pause } from '../harness/clients.js'
import { Stage } from '../harness/stage.js'
import { get, post, Promises, reckoning, scaled, type Row, type Scenario } from './scenario.js'

/** Ejected targets come back soon, so that the next kill hits one that is at work. */
const upstream = { health: { passive: { ejectionTime: 500 } } }

async function killing (shot: typeof get, requests: number, seed: number, judge: (stage: Stage, promises: Promises) => string): Promise<Row> {
  return await Stage.with({ upstream, connections: 32, behaviour: { latency: [2, 8] }, seed }, async stage => {
    let kills = 0
    let struck = 0
    await stage.clients.inTurn(requests, 32, shot('k'), {
      every: Math.max(300, Math.round(requests / 40)),
      async run (round) {
        const target = stage.targets[round % 3]!
        kills++
        struck += stage.inFlight(target.id)
        await target.kill()
        await pause(150)
        await target.start()
      }
    })
    const inFlight = await stage.quiet()
    const promises = new Promises()
    promises.nothingLost(stage.count(), inFlight)
    const more = judge(stage, promises)
    return { requests: stage.count().requests, measured: `${kills} kills that struck ${struck} requests in flight: ${reckoning(stage.count())}${more}`, broken: promises.broken }
  })
}

export const killGet: Scenario = {
  name: 'kill-get',
  fault: '`kill -9` one of three, GET',
  allowed: '0',
  run: (scale, seed) => killing(get, scaled(40_000, scale, 1_000), seed, (stage, promises) => {
    const { errors, again } = stage.count()
    promises.keep(errors === 0, `${errors} errors`)
    return `, ${again} sent again`
  })
}

export const killPost: Scenario = {
  name: 'kill-post',
  fault: '`kill -9` one of three, POST',
  allowed: 'only requests that had been written: 502; 0 doubled',
  run: (scale, seed) => killing(post, scaled(100_000, scale, 1_000), seed, (stage, promises) => {
    const { errors, failed } = stage.count()
    promises.keep(errors === (failed[502] ?? 0), 'errors other than 502')
    // Each error is an attempt that broke off on its connection: nobody was refused that could have gone elsewhere.
    promises.keep(errors <= (stage.outcomes['reset'] ?? 0), 'errors of requests that were never written')
    return ''
  })
}
