/** A target that is as it should be: slow, endless and long responses by their paths, upgrades, and an echo for the rest. */
import type { Behaviour } from './attack.js'

const BLOCK = 'x'.repeat(65_536)

/** Bytes of `/big`. */
export const BIG = 1_048_576

export const ordinary: Behaviour = (socket, head, n) => {
  const path = head.split(' ', 2)[1]!
  if (/\r\nupgrade: /i.test(head)) {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  } else if (path === '/slow') {
    setTimeout(() => { socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nslow') }, 500)
  } else if (path === '/upload') {
    // Nothing before all of the body is here.
  } else if (path === '/events') {
    socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n')
  } else if (path === '/big') {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${BIG}\r\n\r\n`)
    for (let sent = 0; sent < BIG; sent += BLOCK.length) socket.write(BLOCK)
  } else {
    const body = `target ${n}\n${head}`
    socket.write(`HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n${head.startsWith('HEAD ') ? '' : body}`, 'latin1')
  }
}

/** Resolved after so many milliseconds. */
export function pause (ms: number): Promise<void> {
  return new Promise(resolve => { setTimeout(resolve, ms) })
}
