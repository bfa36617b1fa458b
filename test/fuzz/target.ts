/** A target that is out to do harm: what it sends, when, and how its connections end is a matter of chance. */
import type { Socket } from 'node:net'
import { startRawTarget, type Ending } from '../helpers/targets.js'
import { Chance } from './chance.js'
import { RESPONSES } from './messages.js'

const WELL = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nwell'

export class HarmfulTarget {
  readonly url: string
  readonly sockets: Set<Socket>
  #chance = new Chance(0)

  private constructor (url: string, sockets: Set<Socket>) {
    this.url = url
    this.sockets = sockets
  }

  static async start (ending: Ending): Promise<HarmfulTarget> {
    // eslint-disable-next-line prefer-const -- the server that it needs serves with it
    let target: HarmfulTarget
    const { url, sockets } = await startRawTarget(ending, socket => { target.#serve(socket) })
    target = new HarmfulTarget(url, sockets)
    return target
  }

  /** What it does from now on. */
  become (chance: Chance): void {
    this.#chance = chance
  }

  hangUp (): void {
    for (const socket of this.sockets) socket.destroy()
  }

  #serve (socket: Socket): void {
    socket.setNoDelay(true)
    const chance = this.#chance
    if (chance.is(0.05)) {
      socket.destroy()
      return
    }
    let busy = false
    socket.on('close', () => { chance.note('closed') })
    socket.on('data', chunk => {
      chance.note(`${socket.remotePort} got`, chunk)
      if (chunk.toString('latin1').startsWith('GET /well ')) {
        socket.write(WELL)
      } else if (!busy) {
        busy = true
        void this.#answer(socket, chance).then(() => { busy = false })
      }
    })
  }

  async #answer (socket: Socket, chance: Chance): Promise<void> {
    if (chance.is(0.2)) await turn(chance)
    const text = chance.one(RESPONSES)
    const bytes = chance.is(0.4) ? chance.spoilt(text) : Buffer.from(text, 'latin1')
    for (const piece of chance.cut(bytes)) {
      if (socket.destroyed) return
      chance.note(`${socket.remotePort} writes`, piece)
      socket.write(piece)
      if (chance.is(0.5)) await turn(chance)
    }
    const ending = chance.random()
    chance.note(`${socket.remotePort} ${ending < 0.15 ? 'ends' : ending < 0.3 ? 'resets' : ending < 0.35 ? 'destroys' : 'stays'}`)
    if (ending < 0.15) socket.end()
    else if (ending < 0.3) socket.resetAndDestroy()
    else if (ending < 0.35) socket.destroy()
    // Bytes on a connection that is idle by now, or carries the next request.
    if (chance.is(0.15)) {
      chance.note('writes more')
      await turn(chance)
      if (socket.writable) socket.write(chance.is(0.5) ? chance.spoilt(chance.one(RESPONSES)) : 'garbage\r\n')
    }
  }
}

/** A turn of the event loop, or a few milliseconds. */
export async function turn (chance: Chance): Promise<void> {
  if (chance.is(0.8)) await new Promise(resolve => setImmediate(resolve))
  else await new Promise(resolve => setTimeout(resolve, chance.number(1, 5)))
}
