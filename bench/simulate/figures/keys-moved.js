import { keysMoved, methods } from '../keys-moved.js'
import { barChart } from '../../charts/bar-chart.js'
import { figure, row } from '../report/table.js'

export const file = 'keys-moved.svg'

const targets = 10
const precise = { digits: 2, share: true }

export async function draw ({ quick }) {
  const keys = quick ? 20_000 : 200_000
  const results = methods.map(method => ({ method, ...keysMoved(method, targets, keys) }))
  const [{ removed, added }] = results
  return {
    data: results,
    svg: barChart({
      title: 'Keys that go elsewhere when one target leaves or joins ten',
      description: 'A tenth has to move when one of ten leaves, an eleventh when one joins. Modulo is there to compare with.',
      y: { label: 'share of keys', ticks: [0, 0.2, 0.4, 0.6, 0.8, 1], show: tick => `${tick * 100} %`, precise: value => `${(value * 100).toFixed(1)} %` },
      legend: ['one leaves', 'one joins'],
      groups: results.map(({ method, removed, added }) => ({ name: method, values: [removed.moved, added.moved] }))
    }),
    markdown: [
      row([`hash method, ${targets} targets`, 'one leaves: moved', 'without need', 'one joins: moved', 'without need']),
      row(['---', '--:', '--:', '--:', '--:']),
      row(['what has to move', figure(removed.needed, precise), '0', figure(added.needed, precise), '0']),
      ...results.map(({ method, removed, added }) => row([method, ...[removed, added].flatMap(({ moved, stray }) => [moved, stray]).map(value => figure(value, precise))]))
    ].join('\n')
  }
}
