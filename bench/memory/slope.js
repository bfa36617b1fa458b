/** Whether the heap grows with the number of requests. */
import { Child } from '../child.js'
import { progress } from '../session.js'
import { lineThrough } from '../stats.js'

/** Looks at the heap, and those at the beginning that do not count: code is compiled, and compiled again, and tables find their size, for half a million requests. */
const LOOKS = 32
const SETTLING = 12

const CONNECTIONS = 32
/** Without the optimizing compilers: their records of the code they have made, and made anew, grow for millions of requests, and are on the heap as well. */
const FLAGS = ['--expose-gc', '--no-opt', '--no-sparkplug', '--no-flush-bytecode']
/** Standard errors by which a slope has to be above zero to be one. */
const ERRORS = 2

export const heapSlope = {
  async measure ({ load, origins }, { requests, cores }) {
    const gateway = new Child('memory/gateway.js', ['ours'], { core: cores.proxy, flags: FLAGS })
    const { port } = await gateway.call('start', { origins: origins.slice(0, 2) })
    await load.call('gather', { port, workload: 'get100b', connections: CONNECTIONS })
    const looks = []
    for (let look = 0, done = 0; look < LOOKS; look++) {
      progress(`heap slope: ${done} of ${requests} requests`)
      done += (await load.call('drive', { seconds: 3_600, requests: Math.ceil(requests / (LOOKS - SETTLING)) })).requests
      looks.push({ x: done, y: await gateway.call('held') })
    }
    await load.call('dismiss')
    await gateway.end()
    const counted = looks.slice(SETTLING)
    const { slope, error } = lineThrough(counted)
    return { requests: counted.at(-1).x - looks[SETTLING - 1].x, slope, error, grows: slope > ERRORS * error, looks }
  },

  markdown: ({ requests, slope, error, grows, looks }) =>
    `Heap over ${requests.toLocaleString('en')} requests, ${looks.length - SETTLING} looks after forced collections: ${slope.toFixed(4)} ± ${error.toFixed(4)} bytes a request ` +
    `(standard error), ${(looks.at(-1).y / 2 ** 20).toFixed(1)} MB at the end: ${grows ? 'it GROWS' : 'not above zero beyond its error'}`
}
