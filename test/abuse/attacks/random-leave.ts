import { seededRandom } from '../../helpers/clock.js'
import { plain, type Attack } from '../harness/attack.js'
import { ordinary, pause } from '../harness/ordinary.js'

const PATHS = ['/slow', '/events', '/big', '/echo']

export const randomLeave: Attack = {
  name: 'random-leave',
  sent: '1,000 clients that leave at random moments, one in nine with four pipelined requests',
  targets: [ordinary, ordinary, ordinary],
  gateway: targets => ({ plugin: plain(targets, { limits: { maxRequests: 50 } }) }),
  async run (stage) {
    const random = seededRandom(7)
    for (let i = 0; i < stage.scale(1_000); i++) {
      const socket = await stage.open()
      const requests = i % 9 === 0 ? 4 : 1
      for (let n = 0; n < requests; n++) socket.write(`GET ${PATHS[Math.floor(random() * PATHS.length)]!} HTTP/1.1\r\nHost: x\r\n\r\n`)
      socket.resume()
      setTimeout(() => { if (random() < 0.5) socket.destroy(); else socket.resetAndDestroy() }, random() * 300)
      if (i % 20 === 0) await pause(10)
    }
    await pause(600)
    return `${stage.heads.length} requests reached targets`
  }
}
