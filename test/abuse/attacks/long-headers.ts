import { expect, plain, type Attack } from '../harness/attack.js'

/** Values that patterns with two ways to read a byte would backtrack on. */
const VALUES = [';a=b', 'a=b; ', ' ,', '\t', '"\\', '; a="', 'a,', '/../', '%2e', ';/..', '[', '::', '=?', '1', 'a '].map(text => text.repeat(Math.floor(7_000 / text.length)))
const REQUEST = ['Cookie', 'Connection', 'X-Forwarded-For', 'X-Forwarded-Proto', 'Forwarded', 'Content-Type', 'Accept-Version', 'TE', 'Expect', 'Upgrade', 'Via', 'Range', 'Authorization']
const RESPONSE = ['Set-Cookie', 'Location', 'Content-Location', 'Refresh', 'Keep-Alive', 'Connection', 'Content-Type', 'Cache-Control', 'Retry-After', 'Trailer', 'Link', 'Vary', 'Via']

export const longHeaders: Attack = {
  name: 'long-headers',
  sent: 'headers of 7 KB that make patterns backtrack: 13 of requests, 13 of responses, 15 values each',
  targets: [(socket, head) => {
    const [, name, value] = /^GET \/(\d+)\/(\d+)/.exec(head) ?? []
    const odd = name === undefined ? '' : `${RESPONSE[Number(name)]!}: x${VALUES[Number(value)]!}!\r\n`
    socket.write(`HTTP/1.1 302 Found\r\n${odd}Content-Length: 0\r\n\r\n`)
  }],
  gateway: targets => ({ plugin: plain(targets, { affinity: { cookie: { secret: 'sixteen or more characters' } }, headers: { cookiePath: true }, health: { passive: false } }) }),
  async run (stage) {
    const statuses = new Map<string, number>()
    const ask = async (path: string, header: string): Promise<void> => {
      const got = await stage.ask(`GET ${path} HTTP/1.1\r\nHost: x\r\n${header}Connection: close\r\n\r\n`, 5_000)
      const status = got.slice(9, 12)
      expect(status !== '', `no response to ${header.slice(0, 20)}`)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
    for (const value of VALUES.keys()) {
      if (value >= stage.scale(VALUES.length)) break
      for (const name of REQUEST) await ask('/x', `${name}: x${VALUES[value]!}!\r\n`)
      for (const name of RESPONSE.keys()) await ask(`/${name}/${value}`, '')
    }
    return [...statuses].map(([status, count]) => `${count} × ${status}`).join(', ')
  }
}
