import { area, colours, document, element, linear, text, width } from './svg.js'

const ROW = 19
const GAP = 14
/** Where bars begin and end: names are on the left, figures on the right. */
const LEFT = 250
const RIGHT = width - 110

/**
 * Bars that lie, in groups one below the other, with a line from the lower to the upper quartile. Rows of the same name have the same colour.
 * @param x `{ label, ticks, show }`
 * @param groups `{ name, rows: [{ name, q1, median, q3 }] }`
 */
export function rowChart ({ title, description, x, groups }) {
  const across = linear([x.ticks[0], x.ticks.at(-1)], [LEFT, RIGHT])
  const inside = value => Math.min(across(x.ticks.at(-1)), across(value))
  const names = [...new Set(groups.flatMap(({ rows }) => rows.map(({ name }) => name)))]
  const parts = []
  let y = area.top
  for (const { name, rows } of groups) {
    parts.push(text(name, { class: 'title', x: area.left - 44, y: y + 12 }))
    y += ROW + 4
    for (const { name, q1, median, q3 } of rows) {
      const middle = y + ROW / 2
      const fill = colours[names.indexOf(name) % colours.length]
      parts.push(
        text(name, { x: LEFT - 8, y: middle + 4, 'text-anchor': 'end' }),
        element('rect', { x: LEFT, y: y + 2, width: inside(median) - LEFT, height: ROW - 4, fill, rx: 2 }),
        element('line', { class: 'axis', x1: inside(q1), x2: inside(q3), y1: middle, y2: middle }),
        text(x.show(median), { x: Math.max(inside(median), inside(q3)) + 6, y: middle + 4 })
      )
      y += ROW
    }
    y += GAP
  }
  const grid = x.ticks.flatMap(tick => [
    element('line', { class: 'grid', x1: across(tick), x2: across(tick), y1: area.top - 6, y2: y - GAP }),
    text(x.show(tick), { x: across(tick), y: y + 4, 'text-anchor': 'middle' })
  ])
  return document(title, description, [...grid, ...parts, text(x.label, { x: (LEFT + RIGHT) / 2, y: y + 26, 'text-anchor': 'middle' })], y + 42)
}
