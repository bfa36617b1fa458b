/** A rolling restart: each target is drained, restarted and put back, by both ways that there are. */
import { Stage } from '../harness/stage.js'
import { get, post, Promises, reckoning, scaled, type Scenario } from './scenario.js'

export const rollingRestart: Scenario = {
  name: 'rolling-restart',
  fault: 'rolling restart with drain, GET and POST',
  allowed: '0',
  run (scale, seed) {
    const requests = scaled(40_000, scale, 1_500)
    const shot = (n: number) => n % 2 === 0 ? get('r')(n) : post('r')(n)
    return Stage.with({ connections: 32, behaviour: { latency: [2, 8] }, seed }, async stage => {
      const { upstream } = stage
      let restarts = 0
      await stage.clients.inTurn(requests, 32, shot, {
        every: Math.max(200, Math.round(requests / 30)),
        async run (round) {
          const target = stage.targets[round % 3]!
          restarts++
          if (round % 2 === 0) {
            upstream.update(target.id, { state: 'drain' })
            await stage.quiet(target.id)
            await target.kill()
            await target.start()
            upstream.update(target.id, { state: 'ready' })
          } else {
            await upstream.remove(target.id)
            await target.kill()
            await target.start()
            upstream.add({ id: target.id, url: target.url })
          }
        }
      })
      const inFlight = await stage.quiet()
      const counted = stage.count()
      const promises = new Promises()
      promises.nothingLost(counted, inFlight)
      promises.keep(counted.errors === 0, `${counted.errors} errors`)
      promises.keep(counted.again === 0, `${counted.again} sent again`)
      return { requests: counted.requests, measured: `${restarts} restarts: ${reckoning(counted)}`, broken: promises.broken }
    })
  }
}
