import { expect, type Attack, type Behaviour } from '../harness/attack.js'
import { pause } from '../harness/ordinary.js'

const BOMBS = ['{'.repeat(3_000), '['.repeat(100_000), '{"a":'.repeat(50_000), `[${'"http://127.0.0.1:1",'.repeat(10_000)}"`, `[${'1,'.repeat(400_000)}1]`]
let asked = 0

/** The first document is a good one. */
const documents: Behaviour = (socket, head) => {
  const host = /\r\nhost: (\S+)/i.exec(head)![1]!
  const body = asked++ === 0 ? JSON.stringify([`http://${host}`]) : BOMBS[asked % BOMBS.length]!
  socket.write(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
}

export const bombs: Attack = {
  name: 'bombs',
  sent: 'discovery documents that are nested deeply or very long, ten a second',
  targets: [documents],
  gateway: ([url]) => ({ plugin: { upstreams: { shop: { discovery: { url: `${url!}/targets.json`, interval: 100 } } }, routes: { '/': 'shop' } } }),
  async run (stage) {
    await pause(stage.scale(2_000))
    expect(stage.heads.length > 2, 'the documents were not asked for')
    return `${stage.heads.length} documents were read; the last good set stayed`
  }
}
