/** Whatever has a name that people meet, in code, in logs or on a dashboard, is in the docs under that name. */
import t from 'tap'
import * as errors from '../../lib/errors.js'
import { policies } from '../../lib/balancing/policies/index.js'
import { registerMetrics } from '../../lib/operations/metrics.js'
import { pluginOptions } from '../../lib/plugin/options.js'
import { GUIDES, readPage } from './harness/pages.js'
import { declarations } from './reference/declarations.js'

const REFERENCE = new Set(['docs/options.md', 'docs/types.md'])
const all = new Map(GUIDES.map(path => [path, readPage(path).text]))
const guides = [...all].filter(([path]) => !REFERENCE.has(path)).map(([, text]) => text).join('\n')
const text = [...all.values()].join('\n')
const troubleshooting = all.get('docs/troubleshooting.md')!

const mentions = (text: string, name: string): boolean => new RegExp(`(?<![\\w-])${name}(?![\\w-])`).test(text)

/** What of `names` is not in `text`. */
const missing = (names: Iterable<string>, where = text): string[] => [...names].filter(name => !mentions(where, name))

/** The options that a check knows, as it says itself. */
function optionsAt (options: unknown, path: string): string[] {
  const faults: string[] = []
  pluginOptions(() => false)(options, '', faults)
  const known = faults.find(fault => fault.startsWith(`${path}unknown: unknown option`))
  if (known === undefined) throw new Error(`nothing is known of ${path}: ${faults.join('\n')}`)
  return /known are (.*)$/.exec(known)![1]!.split(', ')
}

t.test('every export', async t => {
  const { exported } = declarations()
  t.ok(exported.length > 50)
  t.strictSame(missing(exported), [])
})

t.test('every option of the plugin and of an upstream, in the guides and not only in the reference', async t => {
  const unknown = { unknown: true }
  const names = new Set([
    ...optionsAt(unknown, ''),
    ...optionsAt({ upstreams: { shop: unknown } }, 'upstreams.shop.'),
    ...optionsAt({ upstreams: { shop: { targets: [{ url: 'http://a', ...unknown }] } } }, 'upstreams.shop.targets[0].'),
    ...['retry', 'timeouts', 'limits', 'slowStart', 'pool', 'headers'].flatMap(name => optionsAt({ upstreams: { shop: { [name]: unknown } } }, `upstreams.shop.${name}.`)),
    ...['active', 'passive'].flatMap(name => optionsAt({ upstreams: { shop: { health: { [name]: unknown } } } }, `upstreams.shop.health.${name}.`)),
    ...optionsAt({ upstreams: { shop: { affinity: { cookie: unknown } } } }, 'upstreams.shop.affinity.cookie.'),
    ...optionsAt({ upstreams: { shop: { affinity: { session: { cookie: 'a' }, ...unknown } } } }, 'upstreams.shop.affinity.')
  ])
  // For tests and simulations: the reference is enough.
  for (const name of ['random', 'now', 'timers']) names.delete(name)
  t.strictSame(missing(names, guides), [])
})

t.test('every policy', async t => {
  t.strictSame(missing(Object.keys(policies), guides), [])
})

t.test('every error, with its status and what to do about it', async t => {
  const lost: string[] = []
  for (const Fault of Object.values(errors)) {
    const { code, statusCode } = new Fault()
    const row = new RegExp(`^\\|[^|]*\`${code}\`[^|]*\\|[^|]*${statusCode}`, 'm')
    if (!row.test(troubleshooting)) lost.push(`${code} ${statusCode}`)
  }
  t.strictSame(lost, [])
})

t.test('every metric', async t => {
  const names: string[] = []
  registerMetrics({ registry: { registerMetric ({ name }) { names.push(name) } } }, () => [], () => { throw new Error('not asked') })
  t.ok(names.length > 15)
  t.strictSame(missing(names, guides), [])
})

t.test('every event, every outcome, every state, and what the plugin decorates', async t => {
  const events = ['added', 'removed', 'changed', 'healthy', 'unhealthy', 'ejected', 'restored']
  const outcomes = ['success', 'bad-status', 'connect-failure', 'timeout', 'reset', 'malformed', 'client-aborted', 'client-fault', 'abandoned']
  t.strictSame(missing([...events.map(event => `target:${event}`), ...outcomes, 'ready', 'drain', 'maintenance', 'reply.balance', 'request.balancing'], guides), [])
})
