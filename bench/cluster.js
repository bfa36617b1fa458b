/** This package in workers of node:cluster: `node cluster.js`; the workers run this file as well. */
import cluster from 'node:cluster'
import { once } from 'node:events'
import { answerCalls } from './child.js'
import { start } from './proxies/ours.js'

if (cluster.isPrimary) {
  answerCalls({
    async start ({ origins, workers }) {
      cluster.setupPrimary({ args: origins })
      const ports = await Promise.all(Array.from({ length: workers }, async () => (await once(cluster.fork(), 'listening'))[0].port))
      return { port: ports[0] }
    }
  })
} else {
  // All of them ask for any port, and get the same one.
  await start(process.argv.slice(2))
  process.on('disconnect', () => process.exit())
}
