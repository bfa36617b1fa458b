import { plain, type Attack } from '../harness/attack.js'
import { ordinary, pause } from '../harness/ordinary.js'

const REQUESTS = 'GET /slow HTTP/1.1\r\nHost: x\r\n\r\n' + 'GET /events HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(10)
const UPGRADE = 'GET /events HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'

export const pipelinedLeave: Attack = {
  name: 'pipelined-leave',
  sent: '50 × `GET /slow` and 10 event streams pipelined behind it, half of them with an upgrade behind; then the client leaves',
  targets: [ordinary],
  gateway: targets => ({ plugin: plain(targets) }),
  async run (stage) {
    for (let i = 0; i < stage.scale(50); i++) {
      const socket = await stage.open()
      socket.write(REQUESTS + (i % 2 === 0 ? UPGRADE : ''))
      setTimeout(() => { socket.destroy() }, 50 + i % 10 * 100)
    }
    await pause(1_200)
    return `${stage.peakConnections()} connections to the target at most`
  }
}
