/** A worker of a cluster: a gateway that shares with the others, told by the test's own messages what to do. Started by `test/helpers/workers.ts`. */
import client from 'prom-client'
import { cluster, clusterPrimary, type AffinityOptions, type ClusterSharingOptions, type TargetUpdateOptions } from '../../lib/index.js'
import { sharingGateway } from './sharing.js'

interface Order { number: number, act: string, words: unknown[] }

const ends: Array<() => unknown> = []
const gateway = await sharingGateway({ teardown: end => { ends.push(end) } }, cluster(JSON.parse(process.env.SHARING!) as ClusterSharingOptions), {
  targets: JSON.parse(process.env.TARGETS!) as string[],
  affinity: JSON.parse(process.env.AFFINITY!) as AffinityOptions
}, { metrics: { client } })

// In a worker, it answers the primary.
// eslint-disable-next-line no-new -- that is all that it is for
new client.AggregatorRegistry()

const acts: Record<string, (...words: any[]) => unknown> = {
  state: () => gateway.state(),
  url: () => gateway.url,
  shared: () => gateway.app.upstreams.shared,
  warnings: () => gateway.warnings,
  store: async () => {
    const { store } = cluster({ prefix: 'own' })
    store.open({ heard () {}, missed () {} })
    await store.put('kept', 'here')
    await store.put('gone', 'there')
    await store.drop('gone')
    const held = await store.held()
    store.close()
    return held
  },
  twoStores: async () => {
    const stores = [cluster({ prefix: 'common' }), cluster({ prefix: 'common' })].map(({ store }) => store)
    for (const store of stores) store.open({ heard () {}, missed () {} })
    const [secret, held] = await Promise.all([stores[0]!.secret!(), stores[1]!.held()])
    for (const store of stores) store.close()
    return [typeof secret, held]
  },
  twoScopes: async () => {
    const scopes = await Promise.all([0, 1].map(async () => await sharingGateway({ teardown: end => { ends.push(end) } }, cluster({ prefix: 'scopes' }), {
      targets: JSON.parse(process.env.TARGETS!) as string[], affinity: { cookie: {} }
    })))
    const [one, two] = await Promise.all(scopes.map(async ({ url }) => (await fetch(url)).headers.get('set-cookie')!.split(';', 1)[0]!))
    // The cookie of one scope is understood by the other, so each of them has the same secret.
    const again = await Promise.all([[scopes[1]!, one!], [scopes[0]!, two!]].map(async ([scope, cookie]) =>
      (await fetch((scope as typeof scopes[0])!.url, { headers: { cookie: cookie as string } })).headers.get('set-cookie')))
    return again
  },
  primary: () => {
    try {
      clusterPrimary()
      return 'it took it'
    } catch (error) {
      return (error as Error).message
    }
  },
  update: (id: string, options: TargetUpdateOptions) => { gateway.shop.update(id, options) },
  end: async () => { for (const end of ends) await end() }
}

process.on('message', async ({ number, act, words }: Partial<Order>) => {
  if (number === undefined) return
  process.send!({ number, value: await acts[act!]!(...words!) })
  if (act === 'end') process.disconnect()
})
process.send!('ready')
