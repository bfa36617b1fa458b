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
