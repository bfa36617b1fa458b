import { expect, plain, type Attack } from '../harness/attack.js'

const LOCATIONS = ['//evil.example/', '///evil.example/', '/\\evil.example/', '/\\/evil.example/', '\\/evil.example/', '/%09/evil.example/']

export const redirects: Attack = {
  name: 'redirects',
  sent: `${LOCATIONS.length} \`Location\`s of a target that name itself and then another host (\`http://target//evil.example/\`)`,
  targets: [(socket, head) => {
    const host = /\r\nhost: (\S+)/i.exec(head)![1]!
    socket.write(`HTTP/1.1 302 Found\r\nLocation: http://${host}${LOCATIONS[Number(/^GET \/(\d)/.exec(head)![1])]!}\r\nContent-Length: 0\r\n\r\n`)
  }],
  gateway: targets => ({ plugin: plain(targets) }),
  async run (stage) {
    for (const i of LOCATIONS.keys()) {
      const got = await stage.ask(`GET /${i} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
      const location = /\r\nlocation: ([^\r]*)/i.exec(got)?.[1] ?? ''
      // As browsers resolve it.
      expect(new URL(location, 'http://x/').hostname !== 'evil.example', `Location: ${location}`)
    }
    return 'no client is led to another host'
  }
}
