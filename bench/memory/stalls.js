/** Whether a pool of 1,000 targets that are probed, added and removed keeps the event loop from anything else. */
import { Child } from '../child.js'
import { table } from '../report.js'
import { progress } from '../session.js'

const MANY = 1_000
/** Milliseconds that no stall should exceed. */
const AIM = 20

export const stalls = {
  async measure ({ origins }, { watch, cores }) {
    const [first, second] = [origins.slice(0, MANY), origins.slice(MANY, 2 * MANY)]
    const rows = []
    const steer = async (what, gateway, name, options) => {
      progress(`event loop: ${what}`)
      rows.push({ what, ...await gateway.call(name, options) })
    }

    const quiet = new Child('memory/steered.js', [], { core: cores.proxy })
    await quiet.call('start', { origins: first, active: false })
    await steer('nothing: what the machine does', quiet, 'idle', { seconds: watch })
    await quiet.end()

    const gateway = new Child('memory/steered.js', [], { core: cores.proxy })
    progress('event loop: first round of probes')
    const { stalls } = await gateway.call('start', { origins: first, active: { path: '/get100b' } })
    rows.push({ what: 'the first round of probes, before the server listens', ...stalls })
    await steer('1,000 targets are probed, every 5 s each', gateway, 'idle', { seconds: watch })
    await steer('1,000 more are added, one at a time', gateway, 'add', { origins: second })
    await steer('2,000 are probed', gateway, 'idle', { seconds: watch })
    await steer('1,000 are removed, one at a time', gateway, 'remove', { origins: second })
    await steer('100 of 1,000 are exchanged at once', gateway, 'replace', { origins: [...first.slice(100), ...second.slice(0, 100)] })
    await steer('all of 1,000 are exchanged at once', gateway, 'replace', { origins: second })
    await gateway.end()
    return rows
  },

  markdown: rows => [
    `Milliseconds by which the event loop was late (aim: ${AIM} at most), and of CPU that it spent on one turn:`,
    '',
    table(['while', 'most', 'p99', 'most CPU in one turn'], rows.map(({ what, most, p99, cpu }) => [what, ...[most, p99, cpu].map(ms => ms.toFixed(1))]))
  ].join('\n')
}
