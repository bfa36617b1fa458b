/** Targets that break off, fall silent, or lie about the length of what they send: nobody may take half of a body for the whole, or another's for their own. */
import { Stage } from '../harness/stage.js'
import { get, post, Promises, reckoning, scaled, type Scenario } from './scenario.js'

const kinds = {
  'reset-in-body': 0.02, 'end-in-body': 0.02, 'stall-in-body': 0.01, 'length-too-long': 0.02, 'length-too-short': 0.02, 'reset-in-upload': 0.02
} as const

export const cutBodies: Scenario = {
  name: 'cut-bodies',
  fault: 'all targets cut 11 % of bodies short, theirs or the client\'s, or lie about their length',
  allowed: 'the requests struck, never as a whole answer; 0 doubled',
  run (scale, seed) {
    const requests = scaled(10_000, scale, 600)
    const shot = (n: number) => n % 2 === 0 ? { ...get('c')(n), size: n % 20 === 0 ? 200_000 : 500 } : post('c')(n)
    const upstream = { timeouts: { body: 300 }, health: { passive: false as const } }
    return Stage.with({ connections: 32, upstream, behaviour: { kinds, latency: [1, 4] }, seed }, async stage => {
      await stage.clients.inTurn(requests, 32, shot)
      const inFlight = await stage.quiet()
      const counted = stage.count()
      const promises = new Promises()
      // Five bytes missing behind a length that says so are a whole answer to everybody but its author.
      promises.nothingLost({ ...counted, wrong: 0 }, inFlight)
      promises.keep(counted.wrong <= requests * 0.04, `${counted.wrong} answered with less than the body, more than there were lies`)
      promises.keep(counted.errors < requests * 0.16, `${counted.errors} errors`)
      return { requests, measured: `${reckoning({ ...counted, wrong: 0 })}; ${counted.wrong} as short as their length said`, broken: promises.broken }
    })
  }
}
