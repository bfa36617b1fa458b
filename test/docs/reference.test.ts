/** The reference says what the code says, and doc comments say the defaults that the code has. */
import t from 'tap'
import { readFileSync } from 'node:fs'
import { ejectionOptions } from '../../lib/balancing/ejection.js'
import { adaptiveOptions } from '../../lib/balancing/policies/adaptive.js'
import { prequalOptions } from '../../lib/balancing/policies/prequal.js'
import { slowStartOptions } from '../../lib/balancing/slow-start.js'
import { timeoutOptions } from '../../lib/engine/timeouts.js'
import { poolOptions } from '../../lib/engine/pool.js'
import { queueOptions } from '../../lib/engine/queue.js'
import { budgetOptions } from '../../lib/engine/retry-budget.js'
import { retryOptions } from '../../lib/engine/retry.js'
import { probeOptions } from '../../lib/health/probe-options.js'
import { adminOption } from '../../lib/operations/admin/options.js'
import { defaultsOf, type Check } from '../../lib/options.js'
import { pluginOptions, upstreamOption } from '../../lib/plugin/options.js'
import { splitOption } from '../../lib/plugin/split.js'
import { declarations } from './reference/declarations.js'
import { reference } from './reference/write.js'

t.test('docs/options.md and docs/types.md are what `npm run docs` writes', async t => {
  for (const [path, text] of reference()) t.equal(readFileSync(path, 'utf8'), text, path)
})

const settle = (check: Check<any>, value: unknown, ...way: string[]): Record<string, unknown> =>
  way.reduce((settings, name) => settings[name], check(value, '', [])) as Record<string, unknown>

const { found } = declarations()

/** What the code fills in, by the type that declares it. */
const filledIn: Record<string, Record<string, unknown>> = {
  LoadBalancerOptions: settle(pluginOptions(() => false), {}),
  UpstreamOptions: settle(upstreamOption, {}),
  TargetOptions: settle(upstreamOption, { targets: ['http://a'] }, 'targets', '0'),
  CookieAffinityOptions: settle(upstreamOption, { affinity: { cookie: {} } }, 'affinity'),
  AffinityCookieOptions: settle(upstreamOption, { affinity: { cookie: {} } }, 'affinity', 'cookie'),
  SessionAffinityOptions: settle(upstreamOption, { affinity: { session: { cookie: 'a' } } }, 'affinity'),
  HealthOptions: settle(upstreamOption, {}, 'health'),
  HeaderOptions: settle(upstreamOption, {}, 'headers'),
  SplitOptions: { tag: 'version', fallback: splitOption({ v1: 1 }, '', []).fallback },
  ProbeOptions: defaultsOf(probeOptions) as never,
  EjectionOptions: defaultsOf(ejectionOptions),
  SlowStartOptions: defaultsOf(slowStartOptions),
  RetryOptions: defaultsOf(retryOptions) as never,
  BackoffOptions: defaultsOf(retryOptions).backoff,
  BudgetOptions: defaultsOf(budgetOptions),
  TimeoutOptions: defaultsOf(timeoutOptions),
  QueueOptions: defaultsOf(queueOptions),
  PoolOptions: defaultsOf(poolOptions) as never,
  AdaptiveOptions: defaultsOf(adaptiveOptions),
  PrequalOptions: defaultsOf(prequalOptions) as never,
  PrequalProbeOptions: settle(prequalOptions, { probes: {} }, 'probes'),
  AdminOptions: settle(adminOption, { authorize: 'loopback' })
}

/** Literals as they are written in a doc comment; undefined for words. */
function literal (text: string): unknown {
  try {
    return JSON.parse(text.replace(/(?<=\d)_(?=\d)/g, '').replace(/'/g, '"'))
  } catch {
    return text === 'Infinity' ? Infinity : undefined
  }
}

for (const [name, filled] of Object.entries(filledIn)) {
  t.test(`${name}: what is filled in is what the docs say`, async t => {
    for (const { name: option, fallback, optional } of found.get(name)!.members) {
      const said = fallback === undefined ? undefined : literal(fallback.split(',', 1)[0] === '0' ? '0' : fallback)
      // Routes become a list.
      const is = option === 'routes' ? {} : filled[option]
      const isPlain = ['number', 'string', 'boolean'].includes(typeof is) || Array.isArray(is)
      if (said !== undefined && isPlain) t.strictSame(is, said, option)
      else if (isPlain && optional && fallback === undefined) t.fail(`${option} has a default, ${JSON.stringify(is)}, that is not told`)
    }
  })
}
