/** The pieces that charts are made of. A chart is one SVG file that needs nothing else, in light and in dark. */

export const width = 760
const height = 440
export const area = { left: 64, right: 590, top: 88, bottom: 380 }

const STYLE = `
  text { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #3b4252 }
  .more { font-size: 12px }
  .title { font-size: 15px; font-weight: 600; fill: #1b1f27 }
  .paper { fill: #ffffff }
  .grid { stroke: #e3e6ec; stroke-width: 1 }
  .axis { stroke: #9aa3b2; stroke-width: 1 }
  .line { fill: none; stroke-width: 2; stroke-linejoin: round }
  .dashed { stroke-dasharray: 5 4 }
  .range { stroke-width: 1; opacity: .55 }
  .lead { stroke-width: .75; opacity: .6 }
  @media (prefers-color-scheme: dark) {
    text { fill: #c5ccd8 }
    .title { fill: #f0f3f8 }
    .paper { fill: #12161d }
    .grid { stroke: #262d39 }
    .axis { stroke: #5b6577 }
  }`

/** Told apart by people who do not see all colours, on both papers (Okabe and Ito's, the yellow left out, the black a gray). */
export const colours = ['#d55e00', '#0072b2', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#7f7f7f', '#8c6bb1']

/** `description`: what was done, in a line below the title; `tall`: the height of it all. */
export function document (title, description, parts, tall = height) {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${tall}" width="${width}" height="${tall}" role="img" aria-labelledby="title description">`,
    `<title id="title">${escape(title)}</title>`,
    `<desc id="description">${escape(description)}</desc>`,
    `<style>${STYLE}\n</style>`,
    `<rect class="paper" width="${width}" height="${tall}" rx="6"/>`,
    text(title, { x: area.left - 44, y: 28, class: 'title' }),
    text(description, { x: area.left - 44, y: 48, class: 'more' }),
    ...parts,
    '</svg>\n'
  ].join('\n')
}

export function text (content, attributes) {
  return `<text ${written(attributes)}>${escape(content)}</text>`
}

export function element (name, attributes) {
  return `<${name} ${written(attributes)}/>`
}

/** From values to places. */
export function linear ([from, to], [start, end]) {
  return value => start + (value - from) / (to - from) * (end - start)
}

export function logarithmic ([from, to], range) {
  const place = linear([Math.log(from), Math.log(to)], range)
  return value => place(Math.log(value))
}

function written (attributes) {
  return Object.entries(attributes).map(([name, value]) => `${name}="${typeof value === 'number' ? Number(value.toFixed(1)) : escape(value)}"`).join(' ')
}

function escape (text) {
  return String(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
