/** What docs/ asks of the metrics is what there is. */
import t from 'tap'
import { readFileSync } from 'node:fs'
import client from 'prom-client'
import { parse } from 'yaml'
import { startGateway, startTarget } from '../helpers/servers.js'
import { ROOT } from '../helpers/root.js'

t.test('dashboard, alerts and table name the metrics that there are, all of them in the table', async t => {
  const registry = new client.Registry()
  const target = await startTarget(t, 'a')
  await startGateway(t, { metrics: { client: registry }, upstreams: { shop: { targets: [target.url] } } })
  const types = new Map([...(await registry.metrics()).matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name!, type!]))
  const read = (file: string): string => readFileSync(`${ROOT}docs/${file}`, 'utf8')
  const dashboard = read('grafana/dashboard.json')
  const alerts = read('grafana/alerts.yaml')
  t.ok((JSON.parse(dashboard) as { panels: unknown[] }).panels.length > 5)
  t.ok((parse(alerts) as { groups: Array<{ rules: unknown[] }> }).groups[0]!.rules.length > 3)
  const used = new Set((dashboard + alerts).match(/fastify_lb_[a-z_]+/g))
  for (const name of used) t.ok(types.has(name) || types.get(name.replace(/_bucket$/, '')) === 'histogram', name)
  const table = read('metrics.md')
  for (const name of types.keys()) t.ok(table.includes(`\`${name}\``) || table.includes(`\`${name.replace('fastify_lb_target', '')}\``), `${name} is in the table`)
})
