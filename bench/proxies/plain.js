/** No proxy: `node:http` that answers by itself, which is what a connection of a client costs Node anyway. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import * as workload from '../workloads/get100b.js'

export async function start () {
  const server = createServer({ keepAliveTimeout: 60_000 }, workload.respond)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server.address().port
}
