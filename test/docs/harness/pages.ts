/** The pages that people read: their code blocks, headings and links. */
import { readdirSync, readFileSync } from 'node:fs'

export interface Fence {
  /** What is written behind the backticks: `js`, `sh`, …; '' for nothing. */
  lang: string
  code: string
  /** Of its first line of code, from 1. */
  line: number
}

export interface Link {
  to: string
  line: number
}

export interface Page {
  /** From the root of the repository: `docs/health.md`. */
  path: string
  text: string
  fences: Fence[]
  /** What can be linked to behind a `#`. */
  anchors: Set<string>
  links: Link[]
}

/** README.md, and all that is in docs/. */
export const GUIDES = ['README.md', ...readdirSync('docs').filter(name => name.endsWith('.md')).map(name => `docs/${name}`)]

export function readPage (path: string): Page {
  const text = readFileSync(path, 'utf8')
  const page: Page = { path, text, fences: [], anchors: new Set(), links: [] }
  let fence: Fence | undefined
  for (const [i, line] of text.split('\n').entries()) {
    const border = /^```(\w*)\s*$/.exec(line)
    if (fence !== undefined && border !== null) {
      page.fences.push(fence)
      fence = undefined
    } else if (fence !== undefined) {
      fence.code += `${line}\n`
    } else if (border !== null) {
      fence = { lang: border[1]!, code: '', line: i + 2 }
    } else {
      const heading = /^#+ (.*)$/.exec(line)
      if (heading !== null) page.anchors.add(anchorOf(heading[1]!, page.anchors))
      for (const [, to] of line.replace(/`[^`]*`/g, '').matchAll(/\]\(([^()\s]+)\)/g)) page.links.push({ to: to!, line: i + 1 })
    }
  }
  if (fence !== undefined) throw new Error(`${path}: the code block of line ${fence.line} has no end`)
  return page
}

/** As GitHub makes them: lower case, no punctuation, hyphens for spaces, a number for one that is there already. */
function anchorOf (heading: string, taken: ReadonlySet<string>): string {
  const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/\s/g, '-')
  let anchor = plain
  for (let n = 1; taken.has(anchor); n++) anchor = `${plain}-${n}`
  return anchor
}
