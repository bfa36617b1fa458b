/** More than the targets can take: all of them out for a while, and more requests than there are slots. */
import { pause } from '../harness/clients.js'
import { Stage } from '../harness/stage.js'
import { get, Promises, reckoning, scaled, type Scenario } from './scenario.js'

export const brownout: Scenario = {
  name: 'brownout',
  fault: 'brownout: all targets answer half of the requests 503 and hang on the others, for 5 s, then are well again',
  allowed: '≥ 99 % goodput within 1 s after',
  run (scale, seed) {
    const [before, during, after] = [1, scaled(5, scale, 1), scaled(5, scale, 2)]
    const rate = 200
    const upstream = { timeouts: { attempt: 500 } }
    return Stage.with({ connections: 1_000, upstream, behaviour: { latency: [5, 15] }, seed }, async stage => {
      const start = performance.now()
      const load = stage.clients.atRate(rate, before + during + after, get('b'))
      await pause(before * 1_000)
      await Promise.all(stage.targets.map(target => target.behave({ kinds: { 'fail-fast': 0.5, hang: 0.5 } })))
      await pause(during * 1_000)
      await Promise.all(stage.targets.map(target => target.behave({ latency: [5, 15] })))
      const well = performance.now()
      await load
      const inFlight = await stage.quiet()
      const counted = stage.count()
      const promises = new Promises()
      promises.nothingLost(counted, inFlight)
      const goodput = (from: number, to: number): number => {
        const all = stage.clients.results.filter(result => result.from >= from && result.from < to)
        return all.filter(({ status, right }) => status === 200 && right).length / all.length
      }
      const recovered = goodput(well + 1_000, Infinity)
      promises.keep(recovered >= 0.99, `goodput ${percent(recovered)}`)
      // The budget: a fifth of the requests, and ten a second, of which ten seconds' worth are there at the start.
      const most = counted.requests * 1.2 + 10 * (10 + before + during + after)
      promises.keep(counted.received <= most, `${counted.received} attempts for ${counted.requests} requests`)
      const figures = [goodput(start, start + before * 1_000), goodput(well - during * 1_000, well), goodput(well, well + 1_000), recovered].map(percent)
      return {
        requests: counted.requests,
        measured: `goodput before ${figures[0]}, during ${figures[1]}, in the first second after ${figures[2]}, then ${figures[3]}; ${(counted.received / counted.requests).toFixed(2)} attempts a request; ${counted.lost} lost`,
        broken: promises.broken
      }
    })
  }
}

const SLOTS = 4
const ROOM = 20

export const overflow: Scenario = {
  name: 'overflow',
  fault: `queue overflow: 100 at once for ${3 * SLOTS} slots and ${ROOM} places in the queue`,
  allowed: '503 with Retry-After for the overflow, the rest served',
  run (scale, seed) {
    const rounds = scaled(50, scale, 3)
    const upstream = { limits: { maxRequests: SLOTS, queue: { size: ROOM, timeout: 10_000 } } }
    return Stage.with({ connections: 100, upstream, behaviour: { latency: [500, 500] }, seed }, async stage => {
      for (let round = 0; round < rounds; round++) {
        await Promise.all(Array.from({ length: 100 }, (_, n) => stage.clients.send(get('q')(round * 100 + n))))
      }
      const inFlight = await stage.quiet()
      const counted = stage.count()
      const promises = new Promises()
      promises.nothingLost(counted, inFlight)
      const refused = stage.clients.results.filter(({ status, retryAfter }) => status === 503 && retryAfter).length
      const most = Math.max(...(await Promise.all(stage.targets.map(target => target.stats()))).map(stats => stats.mostInFlight))
      promises.keep(counted.errors === refused, 'errors other than 503 with Retry-After')
      promises.keep(counted.served >= rounds * (3 * SLOTS + ROOM), `only ${counted.served} were served`)
      promises.keep(refused > 0, 'nobody was refused')
      promises.keep(most <= SLOTS, `a target had ${most} at once`)
      promises.keep(stage.upstream.snapshot().queued === 0, 'somebody is still in the queue')
      promises.keep(stage.ejected.size === 0, 'somebody was ejected')
      return {
        requests: counted.requests,
        measured: `${counted.served} served, ${refused} × 503 with Retry-After; ${reckoning({ ...counted, errors: counted.errors - refused, failed: {} })}; at most ${most} at once at a target`,
        broken: promises.broken
      }
    })
  }
}

function percent (share: number): string {
  return `${(share * 100).toFixed(1)} %`
}
