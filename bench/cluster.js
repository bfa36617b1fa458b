/** A proxy in workers of node:cluster: `node cluster.js`; the workers run this file as well. */
import cluster from 'node:cluster'
import { once } from 'node:events'
import { answerCalls } from './child.js'

if (cluster.isPrimary) {
  answerCalls({
    async start ({ proxy, origins, workers }) {
      cluster.setupPrimary({ args: [proxy, ...origins] })
      const ports = await Promise.all(Array.from({ length: workers }, async () => (await once(cluster.fork(), 'listening'))[0].port))
      return { port: ports[0] }
    }
  })
} else {
  const [proxy, ...origins] = process.argv.slice(2)
  const { start } = await import(`./proxies/${proxy}.js`)
  // All of them ask for any port, and get the same one.
  await start(origins)
  process.on('disconnect', () => process.exit())
}
