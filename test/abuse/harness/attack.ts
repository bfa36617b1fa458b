/** What an attack is made of. Its gateway runs in a process of its own, its targets and clients in the process of the script. */
import type { FastifyInstance, FastifyServerOptions } from 'fastify'
import type { Socket } from 'node:net'
import type { LoadBalancerOptions, UpstreamOptions } from '../../../lib/index.js'
import type { Stage } from './stage.js'

/** What a target does with a request. `head`: the request line and the headers. `n`: which of the targets it is. */
export type Behaviour = (socket: Socket, head: string, n: number) => void

export interface GatewaySetup {
  plugin: LoadBalancerOptions
  server?: FastifyServerOptions & { http2?: boolean }
  /** After the plugin is registered. */
  after?: (app: FastifyInstance) => void
  /** Once the server listens. */
  listening?: (app: FastifyInstance, url: string) => void
}

export interface Attack {
  name: string
  /** What is sent, as a cell of the table. */
  sent: string
  /** One target per entry. */
  targets: Behaviour[]
  gateway: (targets: string[]) => GatewaySetup
  /** Attacks, and returns what came of it as a cell of the table. Throws `Broken` where the gateway did something wrong. */
  run: (stage: Stage) => Promise<string>
}

/** The gateway did something that it must not do. */
export class Broken extends Error {}

export function expect (holds: boolean, otherwise: string): void {
  if (!holds) throw new Broken(otherwise)
}

/** What most attacks need: one upstream behind `/`. */
export function plain (targets: string[], options: UpstreamOptions = {}): LoadBalancerOptions {
  return { upstreams: { shop: { targets, ...options } }, routes: { '/': 'shop' } }
}
