/** Clients that leave too early, or send what is not HTTP, over bare sockets. */
import { connect } from 'node:net'

export interface BadVisit {
  text: string
  /** Does not wait for an answer. */
  leaves: boolean
}

export const badVisits: BadVisit[] = [
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

/** Resolved when the connection is over; true when there was an answer on it. */
export function visit (port: number, { text, leaves }: BadVisit, staysMs: number): Promise<boolean> {
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
