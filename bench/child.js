/** Helper processes: each is a file of this folder that answers calls over IPC. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Milliseconds after which a call has failed, beyond what it was asked to take. */
const PATIENCE = 15_000

const running = new Set()

export class Child {
  #process
  #pending = new Map()
  #nextId = 0
  #exited

  /** `core`: the CPU core it is confined to, if any; `flags`: node's own. */
  constructor (file, args, { core, flags = [] }) {
    const [command, ...words] = [
      ...(core === undefined ? [] : ['taskset', '-c', String(core)]),
      process.execPath, ...flags, fileURLToPath(new URL(file, import.meta.url)), ...args
    ]
    this.#process = spawn(command, words, {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, NODE_ENV: 'production' }
    })
    const name = [file, ...args].join(' ')
    running.add(this.#process)
    this.#process.on('message', ({ id, result, error }) => {
      const { resolve, reject } = this.#pending.get(id)
      this.#pending.delete(id)
      if (error === undefined) resolve(result)
      else reject(new Error(`${name}: ${error}`))
    })
    this.#exited = new Promise(resolve => {
      const gone = () => {
        running.delete(this.#process)
        for (const { reject } of this.#pending.values()) reject(new Error(`${name} has ended`))
        resolve()
      }
      this.#process.once('exit', gone).once('error', gone)
    })
  }

  get pid () {
    return this.#process.pid
  }

  /** Has the child do something; resolves to its result. */
  call (name, options = {}) {
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      const timer = setTimeout(reject, PATIENCE + (options.seconds ?? 0) * 1000, new Error(`${name}: no answer`))
      const settled = settle => value => {
        clearTimeout(timer)
        settle(value)
      }
      this.#pending.set(id, { resolve: settled(resolve), reject: settled(reject) })
      this.#process.send({ id, name, options }, error => {
        if (error) this.#pending.get(id)?.reject(error)
      })
    })
  }

  /** Lets it end by itself, which is when a profile is written. */
  async end () {
    if (this.#process.connected) this.#process.disconnect()
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), PATIENCE)
    await this.#exited
    clearTimeout(timer)
  }
}

/** Ends every helper that still runs. */
export function endAll () {
  for (const child of running) child.kill('SIGKILL')
}

/** The other side: makes this process answer calls, and end when nobody can call any more. */
export function answerCalls (calls) {
  // Ctrl-C reaches the whole group; the one that was started by hand sees to the others.
  process.on('SIGINT', () => {})
  process.on('disconnect', () => process.exit())
  process.on('message', async ({ id, name, options }) => {
    try {
      process.send({ id, result: await calls[name](options) })
    } catch (error) {
      process.send({ id, error: error.stack })
    }
  })
}
