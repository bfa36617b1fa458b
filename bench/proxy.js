/** The process of one proxy: `node proxy.js name`; the proxies are in proxies/. */
import { answerCalls } from './child.js'

const [name] = process.argv.slice(2)

answerCalls({
  /** `origins`: of the targets; anything else is the proxy's own. */
  async start ({ origins, ...options }) {
    const { start } = await import(`./proxies/${name}.js`)
    return { port: await start(origins, options) }
  }
})
