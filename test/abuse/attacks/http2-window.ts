import { expect, plain, type Attack } from '../harness/attack.js'
import { openWithoutWindow, requests } from '../harness/http2.js'
import { ordinary, pause } from '../harness/ordinary.js'

export const http2Window: Attack = {
  name: 'http2-window',
  sent: '1,500 streams of one HTTP/2 connection with a window of zero, for 1 MB each; 128 of another',
  targets: [ordinary],
  gateway: targets => ({ plugin: plain(targets), server: { http2: true } }),
  async run (stage) {
    const socket = await stage.open()
    socket.resume().write(Buffer.concat([openWithoutWindow(), requests('/big', stage.scale(1_500))]))
    await pause(500)
    const second = await stage.open()
    second.resume().write(Buffer.concat([openWithoutWindow(), requests('/big', stage.scale(128))]))
    await pause(1_500)
    const { inFlight } = await stage.rest()
    expect(inFlight <= 260, `${inFlight} requests in flight at once`)
    return `${inFlight} in flight at once`
  }
}
