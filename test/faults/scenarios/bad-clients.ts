/** Clients that leave at the worst moments, or send what is not HTTP. None of it is a target's fault. */
import { connect } from 'node:net'
import { Stage } from '../harness/stage.js'
import { get, Promises, scaled, type Scenario } from './scenario.js'

/** What each kind sends, and whether it leaves without waiting for an answer. */
const kinds: Array<{ text: string, leaves: boolean }> = [
  { text: 'GET /slow HTTP/1.1\r\nHost: shop\r\n\r\n', leaves: true },
  { text: 'POST /half HTTP/1.1\r\nHost: shop\r\nContent-Length: 100000\r\n\r\n' + 'half'.repeat(5_000), leaves: true },
  { text: 'POST /short HTTP/1.1\r\nHost: shop\r\nContent-Length: 1000\r\n\r\nhalf', leaves: true },
  { text: 'POST /chunks HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n', leaves: true },
  { text: 'PUT /chunks HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nnonsense\r\n\r\n', leaves: false },
  { text: 'POST /both HTTP/1.1\r\nHost: shop\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n', leaves: false },
  { text: 'GET / HTTP/1.1\r\nHost: shop\r\nX-Bad: \u0000\r\n\r\n', leaves: false },
  { text: 'NONSENSE\r\n\r\n', leaves: false },
  { text: `GET / HTTP/1.1\r\nHost: shop\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`, leaves: false },
  { text: 'GET /../../etc/passwd HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n', leaves: false },
  { text: 'POST /expect HTTP/1.1\r\nHost: shop\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n', leaves: true },
  { text: 'GET /up HTTP/1.1\r\nHost: shop\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n', leaves: true }
]

export const badClients: Scenario = {
  name: 'bad-clients',
  fault: '10,000 requests that are aborted or invalid',
  allowed: 'eject nobody',
  run (scale, seed) {
    const requests = scaled(10_000, scale, 480)
    return Stage.with({ connections: 8, behaviour: { latency: [0, 20] }, seed }, async stage => {
      const port = Number(new URL(stage.url).port)
      let begun = 0
      let answered = 0
      let waiting = 0
      const client = async (): Promise<void> => {
        while (begun < requests) {
          const n = begun++
          const kind = kinds[n % kinds.length]!
          if (await visit(port, kind, n % 11)) answered++
          else if (!kind.leaves) waiting++
        }
      }
      await Promise.all(Array.from({ length: 32 }, client))
      const inFlight = await stage.quiet()
      const failures = stage.upstream.snapshot().targets.reduce((sum, target) => sum + target.failures, 0)
      const promises = new Promises()
      await stage.clients.inTurn(200, 8, get('well'))
      const after = stage.count()
      promises.nothingLost(after, inFlight)
      promises.keep(after.errors === 0, `${after.errors} errors for others`)
      promises.keep(waiting === 0, `${waiting} waited and heard nothing`)
      promises.keep(stage.ejected.length === 0, `ejected: ${stage.ejected.join(', ')}`)
      promises.keep(failures === 0, `${failures} failures held against targets`)
      return { requests, measured: `${stage.ejected.length} ejected, ${failures} failures held against targets; ${answered} had an answer, ${waiting} waited in vain`, broken: promises.broken }
    })
  }
}

/** Resolved when the connection is over; true when there was an answer on it. */
function visit (port: number, { text, leaves }: typeof kinds[number], staysMs: number): Promise<boolean> {
  return new Promise(resolve => {
    let answered = false
    const socket = connect(port, '127.0.0.1')
    const timer = setTimeout(() => socket.destroy(), leaves ? staysMs : 5_000)
    socket.on('data', () => {
      answered = true
      if (!leaves) socket.end()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(answered)
    })
    socket.on('end', () => socket.end())
    socket.write(text)
  })
}
