/** Which file the gateway is told by, and what is in it. JSON is YAML, so one parser reads both. */
import { closeSync, openSync, readSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { MAX_LENGTH } from '../lib/bounded-json.js'
import { parseYaml } from '../lib/discovery/yaml.js'
import { checkConfig, ConfigError, type Environment, type GatewayConfig } from './config.js'
import { substitute } from './environment.js'

export interface CommandLine {
  /** Path of the configuration: the first argument, `--config`, or the variable CONFIG; undefined when there is none. */
  path: string | undefined
  /** Only say what is wrong with it. */
  check: boolean
}

/** Throws `ConfigError`. */
export function commandLine (args: string[], env: Environment): CommandLine {
  const { values: { config, check = false }, positionals } = parsedArguments(args)
  const paths = config === undefined ? positionals : [config, ...positionals]
  if (paths.length > 1) throw new ConfigError('the command line', [`expected one configuration file, got ${paths.join(', ')}`])
  const path = paths[0] ?? (env.CONFIG === '' ? undefined : env.CONFIG)
  if (check && path === undefined) throw new ConfigError('the command line', ['--check: expected a configuration file, got none'])
  return { path, check }
}

function parsedArguments (args: string[]): { values: { config?: string, check?: boolean }, positionals: string[] } {
  try {
    return parseArgs({ args, options: { config: { type: 'string', short: 'c' }, check: { type: 'boolean' } }, allowPositionals: true })
  } catch (error) {
    throw new ConfigError('the command line', [(error as Error).message])
  }
}

/** Reads and checks the file, and those that it names. Throws `ConfigError`, which names the file and every fault. */
export function readConfig (path: string, env: Environment): GatewayConfig {
  return checkConfig(parsed(textOf(path), env, path), env, path, dirname(path))
}

function textOf (path: string): string {
  try {
    return textUpTo(MAX_LENGTH, path)
  } catch (error) {
    throw new ConfigError(path, [`it cannot be read: ${(error as Error).message}`])
  }
}

/** Not `readFileSync`: a path may be that of a device, which never ends. */
function textUpTo (bytes: number, path: string): string {
  const file = openSync(path, 'r')
  try {
    const buffer = Buffer.alloc(bytes + 1)
    let length = 0
    for (let read = -1; read !== 0 && length < buffer.length; length += read) read = readSync(file, buffer, length, buffer.length - length, null)
    if (length > bytes) throw new Error(`it has more than ${bytes} bytes`)
    return buffer.toString('utf8', 0, length)
  } finally {
    closeSync(file)
  }
}

function parsed (text: string, env: Environment, path: string): unknown {
  try {
    return parseYaml(text, (document, place) => substitute(document, env, place))
  } catch (error) {
    const faults = (error as Error).message.split('\n')
    // Braces within braces are YAML's own, and what its parser says of them does not speak of variables.
    if (text.split('\n').some(hasVariableInBraces)) faults.push('a variable within { } or [ ] wants quotes; a number, a line of its own')
    throw new ConfigError(path, faults)
  }
}

function hasVariableInBraces (line: string): boolean {
  const brace = line.search(/[[{]/)
  return brace !== -1 && /[: ]\$\{/.test(line.slice(brace))
}
