/** Clients that leave at the worst moments, or send what is not HTTP. None of it is a target's fault. */
import { Stage } from '../harness/stage.js'
import { badVisits, visit } from '../harness/visits.js'
import { get, Promises, scaled, type Scenario } from './scenario.js'

export const badClients: Scenario = {
  name: 'bad-clients',
  fault: '10,000 requests that are aborted or invalid',
  allowed: 'eject nobody',
  run (scale, seed) {
    const requests = scaled(10_000, scale, 480)
    return Stage.with({ connections: 8, behaviour: { latency: [0, 20] }, seed }, async stage => {
      const port = Number(new URL(stage.url).port)
      let begun = 0
      let answered = 0
      let waiting = 0
      const client = async (): Promise<void> => {
        while (begun < requests) {
          const n = begun++
          const kind = badVisits[n % badVisits.length]!
          if (await visit(port, kind, n % 11)) answered++
          else if (!kind.leaves) waiting++
        }
      }
      await Promise.all(Array.from({ length: 32 }, client))
      const inFlight = await stage.quiet()
      const failures = stage.upstream.snapshot().targets.reduce((sum, target) => sum + target.failures, 0)
      const promises = new Promises()
      await stage.clients.inTurn(200, 8, get('well'))
      const after = stage.count()
      promises.nothingLost(after, inFlight)
      promises.keep(after.errors === 0, `${after.errors} errors for others`)
      promises.keep(waiting === 0, `${waiting} waited and heard nothing`)
      promises.keep(stage.ejected.size === 0, `ejected: ${[...stage.ejected].join(', ')}`)
      promises.keep(failures === 0, `${failures} failures held against targets`)
      return { requests, measured: `${stage.ejected.size} ejected, ${failures} failures held against targets; ${answered} had an answer, ${waiting} waited in vain`, broken: promises.broken }
    })
  }
}
