/** Real networks that break and lose packets, between the gateway and each target. */
import { pause, type Disturbance } from '../harness/clients.js'
import { Network, noLoss, noNetworks } from '../harness/network.js'
import { Stage } from '../harness/stage.js'
import { get, post, Promises, reckoning, scaled, type Row, type Scenario } from './scenario.js'

const upstream = { timeouts: { connect: 300, attempt: 500 }, health: { passive: { ejectionTime: 500 } } }

/** One request in three is a POST. */
async function between (networks: Network[], requests: number, seed: number, what: string, disturbance?: Disturbance): Promise<Row> {
  const shot = (n: number) => n % 3 === 0 ? post('n')(n) : get('n')(n)
  const places = networks.map(network => network.place)
  return await Stage.with({ upstream, connections: 32, behaviour: { latency: [2, 8] }, places, seed }, async stage => {
    await stage.clients.inTurn(requests, 32, shot, disturbance)
    const inFlight = await stage.quiet()
    const counted = stage.count()
    const promises = new Promises()
    promises.nothingLost(counted, inFlight)
    const gets = stage.clients.results.filter(({ shot, status }) => shot.method === 'GET' && status !== 200).length
    promises.keep(gets === 0, `${gets} GETs failed`)
    promises.keep(counted.errors === (counted.failed[502] ?? 0) + (counted.failed[504] ?? 0), 'errors other than 502 and 504')
    return { requests: counted.requests, measured: `${what}: ${gets} GETs failed; in all ${reckoning(counted)}, ${counted.again} sent again`, broken: promises.broken }
  })
}

async function networked (run: (networks: Network[]) => Promise<Row>): Promise<Row> {
  const networks: Network[] = []
  try {
    for (let i = 0; i < 3; i++) networks.push(new Network(i))
    return await run(networks)
  } finally {
    for (const network of networks) network.remove()
  }
}

const allowed = '0 GET; POST only what had been written: 502 or 504; 0 doubled'

export const networkBreaks: Scenario = {
  name: 'network-breaks',
  fault: 'the network to one target goes down, or swallows all packets without a word, for 1 s, in turn; attempt timeout 500 ms',
  allowed,
  unavailable: noNetworks,
  run (scale, seed) {
    const requests = scaled(20_000, scale, 1_200)
    const breaks = scale < 0.1 ? 4 : 12
    return networked(networks => between(networks, requests, seed, `${breaks} breaks`, {
      every: Math.floor(requests / breaks),
      async run (round) {
        const network = networks[round % 3]!
        if (round % 2 === 0) network.plug(false)
        else network.swallow(true)
        await pause(1_000)
        if (round % 2 === 0) network.plug(true)
        else network.swallow(false)
        await pause(1_000)
      }
    }))
  }
}

export const networkLoss: Scenario = {
  name: 'network-loss',
  fault: '2 % of all packets are lost; attempt timeout 500 ms',
  allowed,
  unavailable: noLoss,
  run: (scale, seed) => networked(async networks => {
    for (const network of networks) network.lose(2)
    return await between(networks, scaled(20_000, scale, 1_200), seed, '2 % of the packets lost')
  })
}
