import { area, colours, document, element, linear, logarithmic, text } from './svg.js'

/** Least distance of two names at the lines' ends. */
const NAME_HEIGHT = 16

/**
 * @param x `{ label, ticks, show? }`
 * @param y the same with `scale`: 'linear' or 'logarithmic'; from the first tick to the last
 * @param series `{ name, points: [{ x, mean, least, most }], dashed? }`: lines through the means, with a bar from the least to the most
 */
export function lineChart ({ title, description, x, y, series }) {
  const across = linear([x.ticks[0], x.ticks.at(-1)], [area.left, area.right])
  const up = (y.scale === 'logarithmic' ? logarithmic : linear)([y.ticks[0], y.ticks.at(-1)], [area.bottom, area.top])
  const inside = value => Math.min(y.ticks.at(-1), Math.max(y.ticks[0], value))
  const ends = series.map(({ points }) => up(inside(points.at(-1).mean)))
  const names = apart(ends)
  return document(title, description, [
    ...y.ticks.flatMap(tick => [
      element('line', { class: 'grid', x1: area.left, x2: area.right, y1: up(tick), y2: up(tick) }),
      text(show(y, tick), { x: area.left - 8, y: up(tick) + 4, 'text-anchor': 'end' })
    ]),
    ...x.ticks.map(tick => text(show(x, tick), { x: across(tick), y: area.bottom + 20, 'text-anchor': 'middle' })),
    element('line', { class: 'axis', x1: area.left, x2: area.right, y1: area.bottom, y2: area.bottom }),
    text(x.label, { x: (area.left + area.right) / 2, y: area.bottom + 44, 'text-anchor': 'middle' }),
    text(y.label, { x: area.left - 44, y: area.top - 14 }),
    ...series.flatMap(({ name, points, dashed = false }, i) => {
      const colour = colours[i % colours.length]
      return [
        ...points.map(point => element('line', { class: 'range', stroke: colour, x1: across(point.x), x2: across(point.x), y1: up(inside(point.least)), y2: up(inside(point.most)) })),
        element('polyline', { class: dashed ? 'line dashed' : 'line', stroke: colour, points: points.map(point => `${across(point.x).toFixed(1)},${up(inside(point.mean)).toFixed(1)}`).join(' ') }),
        element('line', { class: 'lead', stroke: colour, x1: area.right + 3, x2: area.right + 16, y1: ends[i], y2: names[i] }),
        text(name, { x: area.right + 20, y: names[i] + 4 })
      ]
    })
  ])
}

/** Places as near to these as possible, none of which covers another. */
function apart (places) {
  const order = places.map((place, i) => ({ place, i })).sort((a, b) => a.place - b.place)
  let last = area.top - NAME_HEIGHT
  for (const entry of order) last = entry.place = Math.max(entry.place, last + NAME_HEIGHT)
  // What was pushed out below moves up again, as far as there is room.
  let next = area.bottom + NAME_HEIGHT
  for (const entry of order.reverse()) next = entry.place = Math.min(entry.place, next - NAME_HEIGHT)
  return order.sort((a, b) => a.i - b.i).map(({ place }) => place)
}

function show ({ show = String }, tick) {
  return show(tick)
}
