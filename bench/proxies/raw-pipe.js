/** The least a proxy in Node can do with upgraded connections: no HTTP at all. What comes from a client goes to the next target as it is, and back. */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'

export async function start (origins) {
  let turn = 0
  const server = createServer({ noDelay: true }, client => {
    const { hostname, port } = new URL(origins[turn++ % origins.length])
    const target = connect({ host: hostname, port: Number(port), noDelay: true })
    pass(client, target)
    pass(target, client)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server.address().port
}

function pass (from, to) {
  from.on('data', chunk => { if (!to.write(chunk)) from.pause() })
  from.on('close', () => to.destroy()).on('error', () => {})
  to.on('drain', () => from.resume())
}
