/** A worker of the cluster: asks the primary for the configuration, and serves until it is told to stop. */
import cluster from 'node:cluster'
import { cluster as workers } from '../lib/index.js'
import type { Amendment } from './changes.js'
import type { GatewayConfig } from './config.js'
import { serve } from './serve.js'

/** What a worker says: first that it is there, then how its start went, and how each amendment did. */
export type FromWorker = 'ready' | { listening: string } | { failed: string } | { amended: string | null }

/** What a worker serves by. */
export interface Plan {
  config: GatewayConfig
  /** Workers of one have in common what is changed by hand. Other workers by another configuration have another. */
  generation: string
}

/** What a worker is told. `leave`: another has taken its place. */
export type ToWorker = { serve: Plan } | { amend: Amendment } | 'leave'

export function work (): void {
  // The primary ends when another worker cannot start; what this one still has to say to it then is of no interest.
  cluster.worker!.on('error', () => { process.exit(1) })
  // Ctrl-C, and the end of the terminal, go to every process of the terminal. The primary takes them, and says what to do.
  process.on('SIGINT', () => {}).on('SIGHUP', () => {})
  const stopped = new Promise<void>(resolve => { process.on('SIGTERM', () => { resolve() }) })
  process.once('message', (message: ToWorker) => { if (typeof message === 'object' && 'serve' in message) void run(message.serve, stopped) })
  // What is sent to a worker before it listens for messages is lost, so it has to ask.
  say('ready')
}

async function run ({ config, generation }: Plan, stopped: Promise<void>): Promise<void> {
  try {
    const { address, stop, amend, leave } = await serve(config, workers({ generation }))
    const left = new Promise<void>(resolve => {
      process.on('message', (message: ToWorker) => {
        if (message === 'leave') resolve(leave())
        else if ('amend' in message) say({ amended: faultOf(() => { amend(message.amend) }) })
      })
    })
    say({ listening: address })
    await Promise.race([stopped.then(stop), left])
    process.exit(0)
  } catch (error) {
    say({ failed: (error as Error).message }, () => { process.exit(1) })
  }
}

function faultOf (act: () => void): string | null {
  try {
    act()
    return null
  } catch (error) {
    return (error as Error).message
  }
}

function say (message: FromWorker, said: () => void = () => {}): void {
  process.send!(message, said)
}
