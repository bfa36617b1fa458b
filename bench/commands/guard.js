/** Fails when a request costs too much beside @fastify/http-proxy: a short comparison for CI, which is repeated before it fails because machines are noisy. */
import { parseArgs } from 'node:util'
import { startContestant } from '../contestants.js'
import { assignCores } from '../cores.js'
import { measureOnce, takeTurns, warmUp } from '../rounds.js'
import { inSession, startSurroundings } from '../session.js'
import { ratio } from '../stats.js'

const PEER = '@fastify/http-proxy'
/** CPU per request, as a share of the peer's. */
const LIMIT = 0.75
const TRIES = 3

const ROUNDS = 10
const SECONDS = 0.25
const WARM_UP = { requests: 10_000, seconds: 20 }
const WORKLOAD = { workload: 'get100b', connections: 32 }

const HELP = `npm run bench -- guard
  exits with 1 when GET 100 B costs more than ${LIMIT} of what it costs ${PEER}, in each of ${TRIES} comparisons`

export async function run (args) {
  const { values } = parseArgs({ args, options: { help: { type: 'boolean', short: 'h' } } })
  if (values.help) {
    console.log(HELP)
    return
  }
  const good = await inSession(async () => {
    const cores = assignCores(false)
    const { load, origins } = await startSurroundings(cores, 2)
    const proxies = await Promise.all(['ours', PEER].map(name => startContestant(name, { origins, core: cores.proxy })))
    for (let attempt = 1; attempt <= TRIES; attempt++) {
      const { median, q1, q3 } = await compare(load, proxies)
      const within = median <= LIMIT
      console.log(`CPU of a proxied GET of 100 B ÷ ${PEER}: ${median.toFixed(2)} (quartiles ${q1.toFixed(2)}–${q3.toFixed(2)}), ${within ? 'within' : 'beyond'} ${LIMIT}; comparison ${attempt} of at most ${TRIES}`)
      if (within) return true
    }
    return false
  })
  if (!good) process.exitCode = 1
}

/** The same processes each time: on a machine so busy that the first warm-up was too short, the next one goes on from there. */
async function compare (load, proxies) {
  for (const proxy of proxies) await warmUp(load, proxy, { ...WORKLOAD, ...WARM_UP })
  const [ours, peer] = await takeTurns(proxies, ROUNDS, proxy => measureOnce(load, proxy, { ...WORKLOAD, seconds: SECONDS }))
  return ratio(ours.map(round => round.cpuUs), peer.map(round => round.cpuUs))
}
