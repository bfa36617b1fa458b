/** The pages of the reference as Markdown. */
import { declarations } from './declarations.js'
import { pages } from './chapters.js'

/** @returns {Map<string, string>} text by path */
export function reference () {
  const { found } = declarations()
  const places = new Map(pages.flatMap(({ path, chapters }) => chapters.flatMap(({ types }) => types.map(([name]) => [name, path]))))
  for (const declaration of found.values()) declaration.members = declaration.members.filter(member => !isInner(member, found, places))
  return new Map(pages.map(page => [page.path, pageText(page, found, places)]))
}

/** A part of lib that is no part of the reference. */
function isInner ({ doc, type }, found, places) {
  return doc === '' && found.has(type) && !places.has(type)
}

function pageText ({ path, title, intro, chapters }, found, places) {
  const parts = [`# ${title}`, '<!-- Written by `npm run docs` from the declarations in lib: change it there. -->', intro]
  for (const chapter of chapters) {
    parts.push(`## ${chapter.title}`)
    for (const [name, where] of chapter.types) parts.push(section(declared(found, name), where, path, places))
  }
  return `${parts.join('\n\n')}\n`
}

function declared (found, name) {
  const declaration = found.get(name)
  if (declaration === undefined) throw new Error(`lib declares no ${name}`)
  return declaration
}

function section ({ name, kind, doc, type, members }, where, path, places) {
  const parts = [`### ${name}`]
  const isOption = path === 'docs/options.md'
  if (where !== undefined || doc !== '') parts.push([where === undefined ? '' : `Of ${where}.`, doc].filter(text => text !== '').join(' '))
  if (members.length === 0) {
    parts.push(`\`\`\`\n${type}\n\`\`\``)
    const links = linksIn(type, name, path, places)
    if (links !== '') parts.push(links)
  } else {
    const hasDefaults = isOption && kind !== 'class' && members.some(member => member.fallback !== undefined)
    parts.push([
      hasDefaults ? '| option | type | default | what |\n|---|---|---|---|' : '| name | type | what |\n|---|---|---|',
      ...members.map(member => row(member, hasDefaults, name, path, places))
    ].join('\n'))
  }
  return parts.join('\n\n')
}

function row ({ name, type, optional, doc, fallback }, hasDefaults, owner, path, places) {
  const what = [doc, linksIn(type, owner, path, places)].filter(text => text !== '').join(' ')
  const cells = [`\`${name}${optional && !hasDefaults ? '?' : ''}\``, type === '' ? '' : `\`${type}\``]
  if (hasDefaults) cells.push(fallback === undefined ? (optional ? '' : 'required') : fallbackText(fallback))
  cells.push(what)
  return `| ${cells.map(cell).join(' | ')} |`
}

/** A value is code, words are words. */
function fallbackText (fallback) {
  return /^(?:'[^']*'|[\d_.]+|true|false|Infinity|\[.*\]|\{.*\})$/.test(fallback) ? `\`${fallback}\`` : fallback
}

/** The types of the reference that a type is made of. */
function linksIn (type, owner, path, places) {
  const names = [...new Set(type.match(/\b[A-Z]\w+\b/g))].filter(name => name !== owner && places.has(name))
  return (names.length > 0 ? '→ ' : '') + names.map(name => `[${name}](${places.get(name) === path ? '' : `./${places.get(name).slice('docs/'.length)}`}#${name.toLowerCase()})`).join(', ')
}

function cell (text) {
  return text.replace(/\s*\n\s*[-*] /g, '; ').replace(/\s*\n\s*/g, ' ').replace(/\|/g, '\\|').replace(/^; /, '')
}
