/** http-proxy (node-http-proxy), with an agent that keeps connections, and with the line that makes it take turns between targets. */
import { once } from 'node:events'
import { Agent, createServer } from 'node:http'
import httpProxy from 'http-proxy'

export async function start (origins) {
  const proxy = httpProxy.createProxyServer({ agent: new Agent({ keepAlive: true }) })
  proxy.on('error', (_error, _request, response) => response.destroy())
  let turn = 0
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => proxy.web(request, response, { target: origins[turn++ % origins.length] }))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server.address().port
}
