import { until } from '../../helpers/wait.js'
import type { Attack, Behaviour } from '../harness/attack.js'

const BOMBS = ['{'.repeat(3_000), '['.repeat(100_000), '{"a":'.repeat(50_000), `[${'"http://127.0.0.1:1",'.repeat(10_000)}"`, `[${'1,'.repeat(400_000)}1]`]
/** How often each document was asked for. */
const asked = BOMBS.map(() => 0)

/** The first document of each kind is a good one. */
const documents: Behaviour = (socket, head) => {
  const host = /\r\nhost: (\S+)/i.exec(head)![1]!
  const kind = Number(/^GET \/(\d)/.exec(head)?.[1] ?? 0)
  const body = asked[kind]!++ === 0 ? JSON.stringify([`http://${host}`]) : BOMBS[kind]!
  socket.write(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
}

export const bombs: Attack = {
  name: 'bombs',
  sent: 'discovery documents that are nested deeply or very long, five kinds of them',
  targets: [documents],
  gateway: ([url]) => ({
    plugin: {
      upstreams: Object.fromEntries(BOMBS.map((_, i) => [i === 0 ? 'shop' : `shop${i}`, { discovery: { url: `${url!}/${i}/targets.json`, interval: 100 } }])),
      routes: { '/': 'shop' }
    }
  }),
  async run (stage) {
    const documents = (): string[] => stage.heads.filter(head => /^GET \/\d\/targets/.test(head))
    await until(() => BOMBS.every((_, i) => documents().filter(head => head.startsWith(`GET /${i}/`)).length >= 2), 'each document is asked for')
    return `${documents().length} documents were read; the last good set stayed`
  }
}
