/** This package as a gateway process: `node ours.js policy origin…`. Ejection and retries as they are by default. */
import fastify from 'fastify'
import loadBalancer from 'fastify-load-balancer'
import { answerCalls } from '../../child.js'

const [policy, ...targets] = process.argv.slice(2)

answerCalls({
  async start () {
    const app = fastify()
    await app.register(loadBalancer, { upstreams: { shop: { targets, policy } }, routes: { '/': 'shop' } })
    await app.listen({ host: '127.0.0.1', port: 0 })
    return { port: app.server.address().port }
  }
})
