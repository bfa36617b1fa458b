import { plain, type Attack, type Behaviour } from '../harness/attack.js'
import { pause } from '../harness/ordinary.js'

/** The last response of its connection, of which little comes at a time; then a reset. */
const breakOff: Behaviour = socket => {
  socket.write('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 1000000000\r\n\r\n')
  const block = 'x'.repeat(65_536)
  const write = (): void => { while (socket.writable && socket.write(block)) { /* until its connection is full */ } }
  socket.on('drain', write)
  write()
  setTimeout(() => { socket.resetAndDestroy() }, 700)
}

export const resetUnread: Attack = {
  name: 'reset-unread',
  sent: 'a target that resets 100 responses with `Connection: close` while their clients do not read',
  targets: [breakOff],
  gateway: targets => ({ plugin: plain(targets, { retry: false, health: { passive: false } }) }),
  async run (stage) {
    for (let i = 0; i < stage.scale(100); i++) {
      const socket = await stage.open()
      socket.pause()
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
      if (i % 10 === 0) await pause(50)
    }
    await pause(1_500)
    return `${(await stage.rest()).inFlight} in flight while the clients are still there`
  }
}
