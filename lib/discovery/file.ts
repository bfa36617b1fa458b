/** Targets in a file that is looked at whenever it may have changed. */
import { constants, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Duration } from '../duration.js'
import { boolean, milliseconds, object, optional, string, type Check } from '../options.js'
import { MAX_LENGTH } from '../bounded-json.js'
import { inSlices } from '../engine/slices.js'
import { textOf } from './bounded-text.js'
import { FolderWatch } from './folder-watch.js'
import { AbsentError, HOLD, holdOption, type Hold, type HoldOptions } from './hold.js'
import { targetsIn } from './document.js'
import { Pauses } from '../engine/pauses.js'
import type { DiscoverySettings, Source } from './source.js'

/** A list of targets in a file of YAML or JSON, or an object with that list under `targets`. A file that is bad or gone leaves the last good set. */
export interface FileDiscoveryOptions {
  /** Its path, absolute or from where the process was started. */
  file: string
  /**
   * Milliseconds between looks at its inode, size and times, for changes that the system does not tell of (network file systems, links to elsewhere).
   * @default 5_000
   */
  interval?: Duration
  /** Have the system tell of changes, too. @default true */
  watch?: boolean
  /** How long targets stay that are not found any more. @default {} */
  hold?: HoldOptions
}

interface FileSettings { file: string, interval: number, watch: boolean, hold: Hold }

const fileFields = object<FileSettings>({
  file: string,
  interval: optional(milliseconds(1, 100), 5_000),
  watch: optional(boolean, true),
  hold: holdOption(HOLD)
})

export const fileOption: Check<DiscoverySettings> = (value, path, faults) => {
  const settings = fileFields(value, path, faults)
  return { kind: 'file', place: settings.file, hold: settings.hold, source: fileSource(settings) }
}

/**
 * A file that has changed is read once it has stayed the same for so long: who writes in place may not be done. And no folder is so busy that it is
 * looked at more often.
 */
const STILL = 100

function fileSource ({ file, interval, watch }: FileSettings): Source {
  return async function * (tools) {
    const pauses = new Pauses(tools)
    const stillness = new Pauses(tools)
    // Of the folder: an editor or an atomic writer puts another file in the place of the old one, and Kubernetes another folder behind a link
    // (`..data`).
    const folder = watch ? new FolderWatch(dirname(file), pauses.wake) : undefined
    let read: string | undefined
    let before: string | undefined
    try {
      while (!tools.signal.aborted) {
        await folder?.renew()
        const now = await fingerprint(file)
        if (now !== read && (read === undefined || now === before)) {
          read = now
          const targets = await targetsOf(file).catch(tools.failed)
          if (targets !== undefined) yield targets
        }
        before = now
        if (now === read) await pauses.pause(interval)
        await stillness.pause(STILL)
      }
    } finally {
      folder?.close()
    }
  }
}

async function targetsOf (file: string): Promise<unknown> {
  // Loaded by those who read files only.
  const { parsingYaml } = await import('./yaml.js')
  return targetsIn(await inSlices(parsingYaml(await textIn(file))))
}

async function textIn (file: string): Promise<string> {
  // Opening a pipe would otherwise wait for whoever writes into it.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? new AbsentError(error.message) : error
  })
  try {
    if (!(await handle.stat()).isFile()) throw new Error(`${file} is no file`)
    return await textOf(handle.createReadStream({ end: MAX_LENGTH, autoClose: false }), MAX_LENGTH, 'the file')
  } finally {
    await handle.close()
  }
}

/** Changes whenever the file may have: another inode, a size, a time (in nanoseconds), or that it cannot be looked at. */
async function fingerprint (file: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true })
    return [dev, ino, size, mtimeNs, ctimeNs].join()
  } catch (error) {
    return (error as NodeJS.ErrnoException).code!
  }
}
