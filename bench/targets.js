/** The targets, all in one process: as cheap as Node has them, so that the proxy is what there is to wait for. */
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { createServer } from 'node:http'
import { answerCalls } from './child.js'
import { hold, release, waiting } from './workloads/held.js'

const answers = new Map()
for (const file of await readdir(new URL('workloads/', import.meta.url))) {
  const { request, respond } = await import(`./workloads/${file}`)
  answers.set(request.path, respond)
}

async function listen () {
  // Longer than any pause of a run: that a target closes first is not what is measured here.
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    const answer = answers.get(request.url)
    if (answer !== undefined) answer(request, response)
    else response.writeHead(404).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server.address().port
}

answerCalls({
  async start ({ count = 2 }) {
    return { ports: await Promise.all(Array.from({ length: count }, listen)) }
  },

  hold,
  release,

  held () {
    return waiting.length
  }
})
