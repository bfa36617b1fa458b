/** The end of the gateway: on a signal, or on an error that nobody has caught. */
import closeWithGrace from 'close-with-grace'
import type { FastifyBaseLogger } from 'fastify'
import { killWorkers } from './cluster.js'
import type { Running } from './serve.js'

/** Time to tidy up for those who have used up all of theirs. */
const GRACE_MS = 5_000

/** The first signal lets requests in flight end, for `drainMs` at most; a second one does not wait. `heard`: signals that mean something else. */
export function stopOnSignal ({ stop }: Running, drainMs: number, log: FastifyBaseLogger, heard: Array<'SIGHUP'>): void {
  closeWithGrace({
    skip: heard,
    delay: drainMs + GRACE_MS,
    logger: false,
    onSecondSignal: killWorkers,
    onTimeout: delay => {
      log.error(`requests in flight have not ended within ${delay} ms and are cut off`)
      killWorkers()
    }
  }, async ({ err, signal }) => {
    if (err === undefined) log.info({ signal }, 'stopping: requests in flight may end; a second signal cuts them off')
    else log.fatal(err, 'stopping because of an error')
    await stop()
    log.info('stopped')
  })
}
