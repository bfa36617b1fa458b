import { area, colours, document, element, linear, text } from './svg.js'

const GAP = 10

/**
 * @param groups `{ name, values }`: bars side by side, one for each of `legend`
 * @param y `{ label, ticks, show }`
 */
export function barChart ({ title, description, y, legend, groups }) {
  const up = linear([y.ticks[0], y.ticks.at(-1)], [area.bottom, area.top])
  const room = (area.right - area.left) / groups.length
  const wide = Math.min(64, (room - 2 * GAP) / legend.length)
  return document(title, description, [
    ...y.ticks.flatMap(tick => [
      element('line', { class: 'grid', x1: area.left, x2: area.right, y1: up(tick), y2: up(tick) }),
      text(y.show(tick), { x: area.left - 8, y: up(tick) + 4, 'text-anchor': 'end' })
    ]),
    ...groups.flatMap(({ name, values }, g) => {
      const middle = area.left + (g + 0.5) * room
      return [
        ...values.flatMap((value, i) => {
          const x = middle + (i - values.length / 2) * wide
          return [
            element('rect', { x: x + 1, y: up(value), width: wide - 2, height: area.bottom - up(value), fill: colours[i], rx: 2 }),
            text(y.precise(value), { x: x + wide / 2, y: up(value) - 5, 'text-anchor': 'middle' })
          ]
        }),
        text(name, { x: middle, y: area.bottom + 20, 'text-anchor': 'middle' })
      ]
    }),
    element('line', { class: 'axis', x1: area.left, x2: area.right, y1: area.bottom, y2: area.bottom }),
    text(y.label, { x: area.left - 44, y: area.top - 14 }),
    ...legend.flatMap((name, i) => [
      element('rect', { x: area.right + 20, y: area.top + 22 * i, width: 12, height: 12, fill: colours[i], rx: 2 }),
      text(name, { x: area.right + 38, y: area.top + 22 * i + 11 })
    ])
  ])
}
