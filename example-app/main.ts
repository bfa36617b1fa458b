/** The order of events. */
import cluster from 'node:cluster'
import { randomBytes } from 'node:crypto'
import { startWorkers } from './cluster.js'
import { configPath, readConfig } from './config-file.js'
import { checkConfig, ConfigError, type GatewayConfig } from './config.js'
import { demoBalancer, demoText, startBackends } from './demo.js'
import { createLog } from './log.js'
import { serve } from './serve.js'
import { stopOnSignal } from './shutdown.js'
import { work } from './worker.js'

async function main (): Promise<void> {
  const path = configPath(process.argv.slice(2), process.env)
  if (path === undefined) {
    // A terminal to look at: requests are told by who serves them.
    const settings = checkConfig({ logLevel: 'warn' }, process.env, 'the environment')
    const backends = await startBackends()
    const secret = settings.secret ?? randomBytes(32).toString('base64url')
    const address = await start({ ...settings, secret, balancer: demoBalancer(backends) })
    process.stdout.write(demoText(address, backends))
  } else {
    await start(readConfig(path, process.env))
  }
}

async function start (config: GatewayConfig): Promise<string> {
  const log = createLog(config.logLevel)
  const running = config.workers === 1 ? await serve(config) : await startWorkers(config, log)
  stopOnSignal(running, config.drainMs, log)
  log.info({ address: running.address, workers: config.workers }, 'the gateway is listening')
  return running.address
}

if (cluster.isPrimary) {
  main().catch((error: Error) => {
    console.error(error instanceof ConfigError ? error.message : `the gateway cannot start: ${error.message}`)
    process.exit(1)
  })
} else {
  work()
}
