/** The order of events. */
import cluster from 'node:cluster'
import { randomBytes } from 'node:crypto'
import type { FastifyBaseLogger } from 'fastify'
import { checkRoutes, summary } from './check.js'
import { Workers } from './cluster.js'
import { commandLine, readConfig } from './config-file.js'
import { checkConfig, ConfigError, type GatewayConfig } from './config.js'
import { demoBalancer, demoText, startBackends } from './demo.js'
import { createLog } from './log.js'
import { Reloading } from './reload.js'
import { serve, type Running } from './serve.js'
import { stopOnSignal } from './shutdown.js'
import { work } from './worker.js'

async function main (): Promise<void> {
  const { path, check } = commandLine(process.argv.slice(2), process.env)
  if (path === undefined) await demo()
  else if (check) await say(path)
  else await run(path)
}

async function run (path: string): Promise<void> {
  // Whoever sends it may not know that there is nothing to reload yet.
  process.on('SIGHUP', () => {})
  const config = readConfig(path, process.env)
  const log = createLog(config.logLevel)
  // Also for one: another can take its place without anybody's noticing.
  const workers = await Workers.start(config, log)
  begun(workers, config, log, ['SIGHUP'])
  new Reloading(path, process.env, config, workers, log).start()
}

async function say (path: string): Promise<void> {
  try {
    const config = readConfig(path, process.env)
    await checkRoutes(config, path)
    process.stdout.write(summary(config, path))
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`${error.withConsequence('')}\n`)
    process.exitCode = 1
  }
}

async function demo (): Promise<void> {
  // A terminal to look at: requests are told by who serves them.
  const settings = checkConfig({ logLevel: 'warn' }, process.env, 'the environment')
  const backends = await startBackends()
  const secret = settings.secret ?? randomBytes(32).toString('base64url')
  const config = { ...settings, secret, balancer: demoBalancer(backends) }
  const log = createLog(config.logLevel)
  const running = config.workers === 1 ? await serve(config) : await Workers.start(config, log)
  begun(running, config, log, [])
  process.stdout.write(demoText(running.address, backends))
}

/** `heard`: signals that do not end it. */
function begun (running: Running, { drainMs, shutdownDelay, workers }: GatewayConfig, log: FastifyBaseLogger, heard: Array<'SIGHUP'>): void {
  stopOnSignal(running, shutdownDelay + drainMs, log, heard)
  log.info({ address: running.address, workers }, 'the gateway is listening')
}

if (cluster.isPrimary) {
  main().catch((error: Error) => {
    console.error(error instanceof ConfigError ? error.message : `the gateway cannot start: ${error.message}`)
    process.exit(1)
  })
} else {
  work()
}
