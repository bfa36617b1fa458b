/** The targets: they answer each message with the same one. Messages are told from each other by their length, so nothing is parsed. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { answerCalls } from '../child.js'
import { acceptOf, asked, echoed, sizes } from './messages.js'

const workloads = new Map(Object.entries(sizes).map(([name, size]) => [`/${name}`, { length: asked(size).length, echo: echoed(size) }]))

async function listen () {
  const server = createServer((_request, response) => response.writeHead(404).end())
  server.on('upgrade', (request, socket) => {
    const { length, echo } = workloads.get(request.url)
    socket.setNoDelay(true)
    socket.write([
      'HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${acceptOf(request.headers['sec-websocket-key'])}`, '\r\n'
    ].join('\r\n'))
    let got = 0
    socket.on('data', chunk => {
      for (got += chunk.length; got >= length; got -= length) socket.write(echo)
    })
    socket.on('end', () => socket.end()).on('error', () => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server.address().port
}

answerCalls({
  async start ({ count }) {
    return { ports: await Promise.all(Array.from({ length: count }, listen)) }
  }
})
