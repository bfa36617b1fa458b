/** Which file the gateway is told by, and what is in it. JSON is YAML, so one parser reads both. */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { parseYaml } from '../lib/discovery/yaml.js'
import { checkConfig, ConfigError, type Environment, type GatewayConfig } from './config.js'

/** Path of the configuration: the first argument, `--config`, or the variable CONFIG; undefined when there is none. */
export function configPath (args: string[], env: Environment): string | undefined {
  const { values, positionals } = parsedArguments(args)
  const paths = values.config === undefined ? positionals : [values.config, ...positionals]
  if (paths.length > 1) throw new ConfigError('the command line', [`expected one configuration file, got ${paths.join(', ')}`])
  return paths[0] ?? (env.CONFIG === '' ? undefined : env.CONFIG)
}

function parsedArguments (args: string[]): { values: { config?: string }, positionals: string[] } {
  try {
    return parseArgs({ args, options: { config: { type: 'string', short: 'c' } }, allowPositionals: true })
  } catch (error) {
    throw new ConfigError('the command line', [(error as Error).message])
  }
}

/** Reads and checks the file. Throws `ConfigError`, which names the file and every fault. */
export function readConfig (path: string, env: Environment): GatewayConfig {
  return checkConfig(parsed(textOf(path), path), env, path)
}

function textOf (path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new ConfigError(path, [`it cannot be read: ${(error as Error).message}`])
  }
}

function parsed (text: string, path: string): unknown {
  try {
    return parseYaml(text)
  } catch (error) {
    throw new ConfigError(path, (error as Error).message.split('\n'))
  }
}
