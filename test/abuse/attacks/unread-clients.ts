import { plain, type Attack } from '../harness/attack.js'
import { ordinary, pause } from '../harness/ordinary.js'

export const unreadClients: Attack = {
  name: 'unread-clients',
  sent: '200 connections that ask for 1 MB each and do not read',
  targets: [ordinary],
  gateway: targets => ({ plugin: plain(targets) }),
  async run (stage) {
    for (let i = 0; i < stage.scale(200); i++) {
      const socket = await stage.open()
      socket.pause()
      socket.write('GET /big HTTP/1.1\r\nHost: x\r\n\r\n')
    }
    await pause(1_500)
    return `${stage.heads.length} requests reached the target`
  }
}
