/** Programs of the system, as clients. Where one is absent its tests are skipped, and it is said aloud. */
import { spawn, spawnSync } from 'node:child_process'

export interface Ran {
  /** What it exited with; null when a signal ended it. */
  exit: number | null
  stdout: Buffer
  stderr: string
}

export interface RunOptions {
  /** What it gets to read. */
  input?: Buffer | string
  cwd?: string
  /** All of its environment. @default this process's */
  env?: NodeJS.ProcessEnv
}

/** Milliseconds that a program may take. */
const PATIENCE = 60_000

/** Runs a program to its end, whatever that is. Throws when it does not come to one, or cannot be started. */
export async function run (program: string, words: string[], { input, cwd, env = process.env }: RunOptions = {}): Promise<Ran> {
  // A group of its own, so that with it all it has started can be ended.
  const child = spawn(program, words, { cwd, env, detached: true })
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
  // It may well end without having read all.
  child.stdin.on('error', () => {}).end(input)
  const exit = await new Promise<number | null>((resolve, reject) => {
    const timer = setTimeout(() => {
      process.kill(-child.pid!, 'SIGKILL')
      reject(new Error(`${program} ${words.join(' ')}: not at its end after ${PATIENCE} ms: ${Buffer.concat(stderr).toString()}`))
    }, PATIENCE)
    child.once('error', reject).once('close', code => {
      clearTimeout(timer)
      resolve(code)
    })
  })
  return { exit, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() }
}

/**
 * An option for tests that use a program: they are skipped where there is none, or none that says of itself (`--version`) what is asked for.
 */
export function needs (program: string, says = /./): { skip: string | false } {
  const { error, stdout } = spawnSync(program, ['--version'], { encoding: 'utf8', timeout: PATIENCE })
  const lack = error !== undefined ? `${program}: ${error.message}` : says.test(stdout) ? undefined : `${program} is not one with ${says}`
  if (lack !== undefined) console.error(`NOT TESTED HERE: real clients: ${lack}`)
  return { skip: lack ?? false }
}
