/** The targets, real servers in one process: HTTP outside, inside the simulator's model of a server, by the real clock. What a request costs is in its path. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { answerCalls } from '../child.js'
import { Server } from '../simulate/engine/server.js'
import { planSlowdown } from '../simulate/engine/troubles.js'

const clock = {
  now: () => performance.now(),
  after: (ms, run, arg) => setTimeout(run, ms, arg),
  cancel: timer => clearTimeout(timer)
}

/** One for each port; new ones for each round. */
let servers = []
const ports = []

answerCalls({
  async start ({ count }) {
    for (let i = 0; i < count; i++) ports.push(await listen(i))
    return { ports }
  },

  begin ({ targets }) {
    servers = targets.map(({ slowdowns, ...spec }) => {
      const server = new Server(clock, { discipline: 'fifo', ...spec })
      for (const { from, ...slowdown } of slowdowns) planSlowdown(clock, server, slowdown, () => from)
      return server
    })
  }
})

async function listen (index) {
  // Longer than any pause of a run: that a target closes first is not what is measured here.
  const http = createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
    const server = servers[index]
    const job = {
      work: Number(request.url.slice(1)),
      luck: 1,
      worked () {
        response.writeHead(200, { 'content-type': 'text/plain', 'content-length': 2 })
        response.end('ok')
      }
    }
    response.once('close', () => server.drop(job))
    server.receive(job)
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  return http.address().port
}
