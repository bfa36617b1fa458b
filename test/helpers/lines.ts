import type { Test } from 'tap'

/** So many lines, each as its pattern: a string that is in it, or a RegExp. (`t.match` alone lets a list be longer than its pattern.) */
export function matchLines (t: Test, lines: readonly string[], patterns: ReadonlyArray<string | RegExp>, message = 'lines'): void {
  t.equal(lines.length, patterns.length, `${message}: as many`)
  t.match(lines, patterns, message)
}
