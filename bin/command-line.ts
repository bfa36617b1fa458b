/** From the words of a command to a gateway, or to every fault in them at once. */
import { parseArgs, type ParseArgsConfig } from 'node:util'
import { policies } from '../lib/balancing/policies/index.js'
import type { LoadBalancerOptions } from '../lib/index.js'
import { milliseconds, text as textOption } from '../lib/options.js'
import { pluginOptions } from '../lib/plugin/options.js'

export interface Gateway {
  listen: { host: string, port: number }
  logLevel: string
  balancer: LoadBalancerOptions
  /** Whereto, and by which policy, for whoever started it. */
  words: string
  /** Path of the readiness page. */
  ready: string | undefined
  /** Milliseconds between the signal to stop and the end of listening. */
  shutdownDelay: number
}

/** Words that mean nothing; the message has every fault, one a line. */
export class CommandLineError extends Error {}

export const policyNames = Object.keys(policies)

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']

const LOOPBACK = '127.0.0.1'

const pathOption = textOption(/^\/[\w.~/-]*$/, "a path, as '/ready'")

/** Of the one upstream; its cookie is `lb_gateway`. */
const NAME = 'gateway'

const OPTIONS = {
  to: { type: 'string', multiple: true },
  listen: { type: 'string' },
  policy: { type: 'string' },
  affinity: { type: 'boolean' },
  health: { type: 'string' },
  dashboard: { type: 'boolean' },
  ready: { type: 'string' },
  'shutdown-delay': { type: 'string' },
  'log-level': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' }
} as const satisfies ParseArgsConfig['options']

/** The options of the plugin behind those of the command: what is wrong with them is found by the plugin, and told by the name that was typed. */
const WRITTEN_AS = [
  [`upstreams.${NAME}.targets`, '--to'],
  [`upstreams.${NAME}.policy`, '--policy'],
  [`upstreams.${NAME}.health.active.path`, '--health'],
  [`upstreams.${NAME}.affinity.cookie.secret`, 'LB_SECRET']
] as const

/** Throws `CommandLineError`. */
export function commandOf (args: string[], env: NodeJS.ProcessEnv): 'help' | 'version' | Gateway {
  const faults: string[] = []
  // Not strict: that would stop at the first fault.
  const { values, tokens } = parseArgs({ args, options: OPTIONS, strict: false, allowPositionals: true, tokens: true })
  if (values.help === true) return 'help'
  if (values.version === true) return 'version'

  checkTokens(tokens, faults)
  const text = (name: keyof typeof OPTIONS): string | undefined => typeof values[name] === 'string' ? values[name] : undefined
  const to = (values.to ?? []) as Array<string | boolean>
  const targets = to.filter(value => typeof value === 'string').map(targetOf)
  if (to.length === 0) faults.push('--to: expected one or more urls of targets, got none')
  const listen = addressOf(text('listen') ?? '3000', faults)
  const logLevel = text('log-level') ?? 'warn'
  if (!LOG_LEVELS.includes(logLevel)) faults.push(`--log-level: expected ${LOG_LEVELS.join(' or ')}, got ${JSON.stringify(logLevel)}`)
  const policy = text('policy') ?? 'least-requests'
  const health = text('health')
  const secret = env.LB_SECRET
  const ready = text('ready')
  if (ready !== undefined) pathOption(ready, '--ready', faults)
  const shutdownDelay = milliseconds()(text('shutdown-delay') ?? 0, '--shutdown-delay', faults)

  const balancer = {
    upstreams: {
      [NAME]: {
        targets,
        policy,
        ...values.affinity === true && { affinity: { cookie: secret === undefined || secret === '' ? {} : { secret } } },
        ...health !== undefined && { health: { active: { path: health } } }
      }
    },
    routes: { '/': NAME },
    ...values.dashboard === true && { admin: { authorize: 'loopback' } }
  } as LoadBalancerOptions
  const wrong: string[] = []
  pluginOptions(() => false)(balancer, '', wrong)
  faults.push(...wrong.map(asTyped))
  if (faults.length > 0) throw new CommandLineError(faults.join('\n'))
  return { listen, logLevel, balancer, words: `${targets.map(({ url }) => url).join(', ')} (${policy})`, ready, shutdownDelay }
}

type Token = NonNullable<ReturnType<typeof parseArgs>['tokens']>[number]

/** Of the form of the command, whatever the values are. */
function checkTokens (tokens: readonly Token[], faults: string[]): void {
  const seen = new Set<string>()
  for (const token of tokens) {
    if (token.kind === 'positional') faults.push(`${token.value}: expected an option before it, as --to ${token.value}`)
    if (token.kind !== 'option') continue
    const { name, rawName, value } = token
    const option: { type: string, multiple?: boolean } | undefined = Object.hasOwn(OPTIONS, name) ? OPTIONS[name as keyof typeof OPTIONS] : undefined
    if (option === undefined) faults.push(`${rawName}: unknown option; known are ${Object.keys(OPTIONS).map(known => `--${known}`).join(', ')}`)
    else if (option.type === 'string' && value === undefined) faults.push(`${rawName}: expected a value after it, got nothing`)
    else if (option.type === 'boolean' && value !== undefined) faults.push(`${rawName}: expected no value, got ${JSON.stringify(value)}`)
    else if (option.multiple !== true && seen.has(name)) faults.push(`${rawName}: expected once, got it again`)
    seen.add(name)
  }
}

/** `http://a:3000`, `a:3000`, `:3000`; with `#weight=2,tier=1` behind it. A url of a target has no fragment, so none is lost. */
function targetOf (written: string): { url: string } {
  const [place, settings] = written.split(/#(.*)/s, 2) as [string, string | undefined]
  const url = /^(?:[a-z][\w+.-]*:\/\/|unix:)/i.test(place) ? place : `http://${place.startsWith(':') ? 'localhost' : ''}${place}`
  if (settings === undefined) return { url }
  const pairs = settings.split(',').map(setting => {
    const [name, value = ''] = setting.split(/=(.*)/s, 2) as [string, string | undefined]
    return [name, name !== 'id' && /^\d+$/.test(value) ? Number(value) : value]
  })
  return { ...Object.fromEntries(pairs), url }
}

/** `3000`, `:3000`, `host:3000`, `[::1]:3000`. */
function addressOf (written: string, faults: string[]): { host: string, port: number } {
  const [, host, port] = /^(?:([^:[\]]*|\[[\da-f:.]+\]):)?(\d+)$/i.exec(written) ?? []
  if (port === undefined || Number(port) > 65_535) {
    faults.push(`--listen: expected a port, :port or host:port, got ${JSON.stringify(written)}`)
    return { host: LOOPBACK, port: 0 }
  }
  // As nginx takes `listen 3000` and Caddy `:3000`; but without the colon, as Fastify does, so that nothing is open to others unless they were
  // thought of.
  return { host: host === undefined ? LOOPBACK : host === '' ? '0.0.0.0' : host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) }
}

function asTyped (fault: string): string {
  return WRITTEN_AS.reduce((text, [path, typed]) => text.replaceAll(path, typed), fault)
}
