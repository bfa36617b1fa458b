import { expect, plain, type Attack } from '../harness/attack.js'
import { openConnection, requests } from '../harness/http2.js'
import { ordinary, pause } from '../harness/ordinary.js'

export const http2Headers: Attack = {
  name: 'http2-headers',
  sent: '15,694 `HEADERS` of one HTTP/2 connection for a slow response',
  targets: [ordinary],
  gateway: targets => ({ plugin: plain(targets), server: { http2: true } }),
  async run (stage) {
    const socket = await stage.open()
    socket.resume().write(Buffer.concat([openConnection(), requests('/slow', stage.scale(15_694))]))
    await pause(2_500)
    // The other clients need two.
    expect(stage.peakConnections() <= 132, `${stage.peakConnections()} connections to the target`)
    return `${stage.peakConnections()} connections to the target at most`
  }
}
