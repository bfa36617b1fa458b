/** A client that is out to do harm: pipelined, spoilt and unfinished requests, and it leaves when it likes. */
import { connect } from 'node:net'
import type { Chance } from './chance.js'
import { REQUESTS } from './messages.js'
import { turn } from './target.js'

/** Plays one connection to its end. */
export async function visit (port: number, chance: Chance): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: chance.is(0.2) })
  const closed = new Promise<void>(resolve => { socket.once('close', () => { resolve() }) })
  socket.on('error', () => {}).setNoDelay(true)
  if (chance.is(0.8)) socket.resume()
  const bytes = Buffer.concat(Array.from({ length: chance.is(0.6) ? 1 : chance.number(2, 5) }, () => {
    const text = chance.one(REQUESTS)
    return chance.is(0.4) ? chance.spoilt(text) : Buffer.from(text, 'latin1')
  }))
  const leavesEarly = chance.is(0.3)
  for (const piece of chance.cut(bytes)) {
    if (socket.destroyed) break
    chance.note('writes', piece)
    socket.write(piece)
    if (leavesEarly && chance.is(0.3)) break
    if (chance.is(0.5)) await turn(chance)
  }
  const patience = leavesEarly ? chance.number(0, 10) : chance.number(20, 120)
  const timer = setTimeout(() => {
    chance.note('leaves')
    if (chance.is(0.4)) socket.destroy()
    else if (chance.is(0.5)) socket.resetAndDestroy()
    else socket.resume().end().setTimeout(200, () => { socket.destroy() })
  }, patience)
  await closed
  clearTimeout(timer)
}
