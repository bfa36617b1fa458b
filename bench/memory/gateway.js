/** A proxy whose memory is looked at: `node --expose-gc gateway.js name`, a file of proxies/. */
import { setTimeout as delay } from 'node:timers/promises'
import { answerCalls } from '../child.js'

const [name] = process.argv.slice(2)

answerCalls({
  async start ({ origins }) {
    const { start } = await import(`../proxies/${name}.js`)
    return { port: await start(origins) }
  },

  /** Bytes of live objects and of the buffers they hold. */
  async held () {
    // What is released by a collection may hold something itself, and be told of it a turn later.
    for (let i = 0; i < 3; i++) {
      globalThis.gc()
      await delay(20)
    }
    globalThis.gc()
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }
})
