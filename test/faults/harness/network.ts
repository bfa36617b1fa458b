/** Targets on the other side of a network of their own, which can lose packets or break. Needs root, `ip` and `iptables`. */
import { execFileSync } from 'node:child_process'
import type { TargetPlace } from './targets.js'

/** One namespace, with a pair of devices between it and this machine. Addresses are those set aside for measurements (RFC 2544). */
export class Network {
  readonly #name: string
  readonly #device: string
  readonly #host: string

  constructor (index: number) {
    this.#name = `flb${process.pid}n${index}`
    this.#device = `fl${process.pid}v${index}`
    const net = `198.18.${100 + process.pid % 100}`
    const [here, there] = [`${net}.${index * 4 + 1}`, `${net}.${index * 4 + 2}`]
    this.#host = there
    run('ip', 'netns', 'add', this.#name)
    try {
      run('ip', 'link', 'add', this.#device, 'type', 'veth', 'peer', 'name', 'inside', 'netns', this.#name)
      run('ip', 'addr', 'add', `${here}/30`, 'dev', this.#device)
      run('ip', 'link', 'set', this.#device, 'up')
      run('ip', '-n', this.#name, 'addr', 'add', `${there}/30`, 'dev', 'inside')
      run('ip', '-n', this.#name, 'link', 'set', 'inside', 'up')
    } catch (error) {
      this.remove()
      throw error
    }
  }

  get place (): TargetPlace {
    return { host: this.#host, within: ['ip', 'netns', 'exec', this.#name] }
  }

  /** Loses so many per cent of the packets, both ways. */
  lose (percent: number): void {
    for (const chain of ['INPUT', 'OUTPUT']) {
      run('ip', 'netns', 'exec', this.#name, 'iptables', '-A', chain, '-m', 'statistic', '--mode', 'random', '--probability', String(percent / 100), '-j', 'DROP')
    }
  }

  /** What is sent there is swallowed without a word: nobody has that address for a while. */
  swallow (all: boolean): void {
    run('ip', '-n', this.#name, 'addr', all ? 'del' : 'add', `${this.#host}/30`, 'dev', 'inside')
  }

  /** The cable is out, or in again. */
  plug (inside: boolean): void {
    run('ip', '-n', this.#name, 'link', 'set', 'inside', inside ? 'up' : 'down')
  }

  /** The devices go with it. */
  remove (): void {
    try { run('ip', 'link', 'del', this.#device) } catch {}
    run('ip', 'netns', 'del', this.#name)
  }
}

/** Why there can be no networks here, if so. */
export const noNetworks = (): string | undefined => obstacle(() => {})

/** Why packets cannot be lost here, if so. */
export const noLoss = (): string | undefined => obstacle(network => network.lose(1))

function obstacle (attempt: (network: Network) => void): string | undefined {
  try {
    const network = new Network(9)
    try { attempt(network) } finally { network.remove() }
    return undefined
  } catch (error) {
    return (error as Error).message.trim().split('\n').pop()
  }
}

function run (command: string, ...words: string[]): void {
  execFileSync(command, words, { stdio: ['ignore', 'ignore', 'pipe'], timeout: 10_000 })
}
