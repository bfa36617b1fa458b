import { plain, type Attack, type Behaviour } from '../harness/attack.js'
import { openConnection, requests } from '../harness/http2.js'
import { pause } from '../harness/ordinary.js'

const INTERIM = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n'.repeat(200)

/** Says that it goes on, without end. */
const flood: Behaviour = socket => {
  const write = (): void => { while (socket.writable && socket.write(INTERIM)) { /* until its connection is full */ } }
  socket.on('drain', write)
  write()
}

export const interimFlood: Attack = {
  name: 'interim-flood',
  sent: 'a target that sends `103` and `102` without end to 4 clients that do not read',
  targets: [flood],
  gateway: targets => ({ plugin: plain(targets, { retry: false, health: { passive: false } }) }),
  async run (stage) {
    for (let i = 0; i < 4; i++) {
      const socket = await stage.open()
      socket.pause()
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    }
    await pause(stage.scale(2_000))
    return `${(await stage.rest()).inFlight} in flight at the end`
  }
}

export const interimFloodHttp2: Attack = {
  ...interimFlood,
  name: 'interim-flood-http2',
  sent: 'the same over HTTP/2, to 100 streams of one connection that is not read',
  gateway: targets => ({ ...interimFlood.gateway(targets), server: { http2: true } }),
  async run (stage) {
    const socket = await stage.open()
    socket.pause()
    socket.write(Buffer.concat([openConnection(), requests('/', stage.scale(100))]))
    await pause(stage.scale(2_000))
    return `${(await stage.rest()).inFlight} in flight at the end`
  }
}
