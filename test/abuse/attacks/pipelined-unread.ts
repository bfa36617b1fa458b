import { expect, plain, type Attack } from '../harness/attack.js'
import { ordinary, pause } from '../harness/ordinary.js'

export const pipelinedUnread: Attack = {
  name: 'pipelined-unread',
  sent: '42 KB of 1,500 pipelined `GET` for 1 MB each, by a client that does not read',
  targets: [ordinary],
  gateway: targets => ({ plugin: plain(targets) }),
  async run (stage) {
    const socket = await stage.open()
    socket.pause()
    socket.write('GET /big HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(stage.scale(1_500)))
    await pause(2_000)
    const { inFlight } = await stage.rest()
    expect(inFlight <= 4, `${inFlight} requests in flight at once`)
    return `${inFlight} in flight at once, ${stage.heads.length} requests reached the target`
  }
}
