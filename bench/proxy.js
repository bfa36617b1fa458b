/** The process of one proxy: `node proxy.js name origin…`; the proxies are in proxies/. */
import { answerCalls } from './child.js'

const [name, ...origins] = process.argv.slice(2)

answerCalls({
  async start () {
    const { start } = await import(`./proxies/${name}.js`)
    return { port: await start(origins) }
  },

  /** Microseconds of CPU so far, of all threads. */
  cpu () {
    return process.cpuUsage()
  }
})
