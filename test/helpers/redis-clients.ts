import { Redis } from 'ioredis'
import { createClient } from 'redis'
import type { RedisClient, SharedRedisClient } from '../../lib/index.js'
import type { RedisServer } from './redis-server.js'
import type { Ending } from './servers.js'

/** The clients, as their users make them: connected, and coming back on their own. */
export const clients: Record<string, (t: Ending, server: Pick<RedisServer, 'port'>) => Promise<RedisClient & SharedRedisClient>> = {
  ioredis: async (t, { port }) => {
    const client = new Redis({ port, retryStrategy: () => 10 })
    client.on('error', () => {})
    t.teardown(() => { client.disconnect() })
    return client
  },
  'node-redis': async (t, { port }) => {
    const client = createClient({ socket: { port, host: '127.0.0.1', reconnectStrategy: () => 10 } })
    client.on('error', () => {})
    t.teardown(() => { client.destroy() })
    await client.connect()
    return client
  }
}
