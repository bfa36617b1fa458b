/** One process that serves. */
import { stop } from '../bin/stop.js'
import type { GatewayConfig, ListenConfig } from './config.js'
import { buildGateway } from './gateway.js'

/** A gateway that listens: this process alone, or workers. */
export interface Running {
  /** Where: `http://127.0.0.1:3000`. */
  address: string
  /** Nothing new is accepted; resolved when the last request in flight is answered. */
  stop: () => Promise<void>
}

export async function serve (config: GatewayConfig): Promise<Running> {
  const app = await buildGateway(config)
  await app.ready()
  try {
    return { address: await app.listen(config.listen), stop: () => stop(app) }
  } catch (error) {
    throw new Error(`cannot listen on ${config.listen.host}:${config.listen.port}: ${whyNot(error as NodeJS.ErrnoException, config.listen)}`)
  }
}

function whyNot ({ code, message }: NodeJS.ErrnoException, { port }: ListenConfig): string {
  return code === 'EADDRINUSE' ? `port ${port} is taken; PORT=${port + 1} would take another` : message
}
