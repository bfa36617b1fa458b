import { watch, type FSWatcher } from 'node:fs'
import { stat } from 'node:fs/promises'

/**
 * Has the system tell of changes in a folder (inotify on Linux). It may say nothing, or too much; it ends with the folder, and cannot be had when the
 * system has no watches left: so nobody should rely on it alone.
 */
export class FolderWatch {
  readonly #folder: string
  readonly #changed: () => void
  #watcher: FSWatcher | undefined
  #identity: string | undefined

  constructor (folder: string, changed: () => void) {
    this.#folder = folder
    this.#changed = changed
  }

  /** Watches the folder that is there now, should that be another one than before. */
  async renew (): Promise<void> {
    // Numbers of inodes are used again.
    const identity = await stat(this.#folder, { bigint: true }).then(({ dev, ino, birthtimeNs }) => [dev, ino, birthtimeNs].join(), () => undefined)
    if (identity === this.#identity) return
    this.close()
    if (identity === undefined) return
    try {
      this.#watcher = watch(this.#folder, { persistent: false }, this.#changed).on('error', this.close)
      this.#identity = identity
    } catch {
      // Next time, perhaps.
    }
  }

  readonly close = (): void => {
    this.#watcher?.close()
    this.#watcher = undefined
    this.#identity = undefined
  }
}
