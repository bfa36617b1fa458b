/** The primary of a cluster: starts workers, replaces those that die, ends them. */
import cluster, { type Worker } from 'node:cluster'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { FastifyBaseLogger } from 'fastify'
import type { GatewayConfig } from './config.js'
import { secretless } from './secrets.js'
import type { Running } from './serve.js'
import type { FromWorker } from './worker.js'

/** Deaths of workers, for each worker there is, that are taken within a minute: beyond that, replacing them heals nothing. */
const DEATHS = 5
const MINUTE = 60_000

/** Resolved when all workers listen; rejected when one ends before. */
export async function startWorkers (written: GatewayConfig, log: FastifyBaseLogger): Promise<Running> {
  // Structured clone, as JSON has no Infinity.
  cluster.setupPrimary({ serialization: 'advanced' })
  const config = withCommonSecret(written, log)
  const addresses = await Promise.all(Array.from({ length: config.workers }, () => fork(config, log)))
  const stop = replaceTheDead(config, log)
  if (living().length < config.workers) throw new Error('a worker died while others were starting')
  return { address: addresses[0]!, stop }
}

/** Ends all workers at once. */
export function killWorkers (): void {
  for (const worker of living()) worker.process.kill('SIGKILL')
}

/** A cookie that one worker issued must mean the same to the others, and to the one that comes after it. */
function withCommonSecret (config: GatewayConfig, log: FastifyBaseLogger): GatewayConfig {
  if (config.secret !== undefined) return config
  const upstreams = secretless(config.balancer)
  if (upstreams.length > 0) {
    log.warn({ upstreams }, 'affinity.cookie has no secret: the workers share a random one, so clients lose their target when the gateway restarts, and other gateways do not know their cookies; LB_SECRET sets one')
  }
  return { ...config, secret: randomBytes(32).toString('base64url') }
}

/** Resolved with the address once the worker listens. */
function fork (config: GatewayConfig, log: FastifyBaseLogger): Promise<string> {
  const worker = cluster.fork()
  // It may end while it is being written to. What follows from that follows from its end.
  worker.on('error', error => { log.warn(error, 'a worker cannot be reached') })
  return new Promise((resolve, reject) => {
    worker.on('message', (message: FromWorker) => {
      if (message === 'ready') worker.send(config)
      else if ('listening' in message) resolve(message.listening)
      else reject(new Error(message.failed))
    })
    worker.once('exit', (code, signal) => { reject(new Error(`a worker ended before it could listen (${signal ?? `exit code ${code}`})`)) })
  })
}

/** Returns what ends it, and the workers. */
function replaceTheDead (config: GatewayConfig, log: FastifyBaseLogger): () => Promise<void> {
  let deaths: number[] = []

  function replace (worker: Worker, code: number | null, signal: string | null): void {
    const now = Date.now()
    deaths = [...deaths.filter(time => time > now - MINUTE), now]
    log.error({ worker: worker.process.pid, code, signal }, 'a worker died')
    // Nobody catches this: it ends the gateway as any unexpected error does, with the requests in flight served.
    if (deaths.length > DEATHS * config.workers) throw new Error(`${deaths.length} workers died within a minute`)
    fork(config, log).catch((error: unknown) => { log.error(error, 'a worker could not be replaced') })
  }

  cluster.on('exit', replace)
  return async () => {
    cluster.off('exit', replace)
    await Promise.all(living().map(async worker => {
      const gone = once(worker, 'exit')
      worker.process.kill('SIGTERM')
      await gone
    }))
  }
}

function living (): Worker[] {
  return Object.values(cluster.workers ?? {}).filter(worker => worker !== undefined && !worker.isDead()) as Worker[]
}
