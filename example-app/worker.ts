/** A worker of the cluster: asks the primary for the configuration, and serves until it is told to stop. */
import cluster from 'node:cluster'
import type { GatewayConfig } from './config.js'
import { serve } from './serve.js'

/** What a worker says: first that it is there, then how its start went. */
export type FromWorker = 'ready' | { listening: string } | { failed: string }

export function work (): void {
  // The primary ends when another worker cannot start; what this one still has to say to it then is of no interest.
  cluster.worker!.on('error', () => { process.exit(1) })
  // Ctrl-C goes to every process of the terminal. The primary takes it, and says when to stop.
  process.on('SIGINT', () => {})
  const told = new Promise<void>(resolve => { process.on('SIGTERM', () => { resolve() }) })
  process.once('message', (config: GatewayConfig) => { void run(config, told) })
  // What is sent to a worker before it listens for messages is lost, so it has to ask.
  say('ready')
}

async function run (config: GatewayConfig, told: Promise<void>): Promise<void> {
  try {
    const { address, stop } = await serve(config)
    say({ listening: address })
    await told
    await stop()
    process.exit(0)
  } catch (error) {
    say({ failed: (error as Error).message }, () => { process.exit(1) })
  }
}

function say (message: FromWorker, said: () => void = () => {}): void {
  process.send!(message, said)
}
