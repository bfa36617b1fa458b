import { expect, plain, type Attack } from '../harness/attack.js'

export const hints: Attack = {
  name: 'hints',
  sent: 'a target\'s `103` whose `Link` makes Node\'s own check backtrack: 24, 200 and 2,000 parameters',
  targets: [(socket, head) => {
    const count = Number(/\d+/.exec(head)![0])
    socket.write(`HTTP/1.1 103 Early Hints\r\nLink: <a>${';a=b'.repeat(count)}"\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`)
  }],
  gateway: targets => ({ plugin: plain(targets) }),
  async run (stage) {
    for (const count of [24, 200, 2_000]) {
      const got = await stage.ask(`GET /${count} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, 20_000)
      expect(/HTTP\/1\.1 200 OK\r\n/.test(got), `${count} parameters: ${JSON.stringify(got.slice(0, 60))}`)
    }
    return '200 each'
  }
}
