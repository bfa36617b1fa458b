import { expect, plain, type Attack } from '../harness/attack.js'
import { ordinary, pause } from '../harness/ordinary.js'

export const trickle: Attack = {
  name: 'trickle',
  sent: '30 `POST`s of one byte per 100 ms at an upstream with 10 slots (`minBodyRate` with a grace of 1 s)',
  targets: [ordinary],
  gateway: targets => ({ plugin: plain(targets, { limits: { maxRequests: 10, minBodyRate: { bytesPerSecond: 240, grace: 1_000 } } }) }),
  async run (stage) {
    let answered = 0
    for (let i = 0; i < stage.scale(30); i++) {
      const socket = await stage.open()
      socket.write('POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n')
      const timer = setInterval(() => { socket.write('x') }, 100)
      socket.on('data', chunk => { if (String(chunk).includes(' 408 ')) answered++ }).on('close', () => { clearInterval(timer) })
    }
    await pause(5_500)
    expect(answered === stage.scale(30), `${answered} were answered 408`)
    return `${answered} × 408`
  }
}
