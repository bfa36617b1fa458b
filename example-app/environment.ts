/** `${NAME}` and `${NAME:-default}` in the values of a configuration. */
import { isScalar, Scalar, visit, type Document } from 'yaml'
import type { Environment } from './config.js'

/** One that is not closed is a fault as well: it may be a secret, and everybody would know it. */
const VARIABLE = /\$(\$)?\{([^}]*)(\}?)/g
const NAME = /^([A-Za-z_]\w*)(?::-([^]*))?$/

/** What YAML takes for something else than text, where it is not in quotes. */
const PLAIN = new Map<string, unknown>([['true', true], ['false', false], ['null', null]])

/**
 * Puts values in place of variables, in what was parsed: whatever is in a variable cannot be taken for YAML. A value that is not in quotes is a
 * number or a truth value when it looks like one. `$${` is `${`.
 * @returns the faults, each with its place
 */
export function substitute (document: Document, env: Environment, place: (offset: number) => string): string[] {
  const faults: string[] = []
  visit(document, {
    Scalar (key, node) {
      if (key === 'key' || !isScalar(node) || typeof node.value !== 'string') return
      const before = node.value
      const after = before.replace(VARIABLE, (all, escaped: string | undefined, inside: string, end: string) => {
        if (escaped !== undefined) return all.slice(1)
        const [, name, fallback] = (end === '' ? null : NAME.exec(inside)) ?? []
        if (name === undefined) faults.push(`${place(node.range![0])}: ${all}: expected \${NAME} or \${NAME:-default}`)
        // As a shell has it: an empty variable takes the default, too.
        const value = name === undefined || !Object.hasOwn(env, name) || env[name] === '' ? undefined : env[name]
        if (name !== undefined && value === undefined && fallback === undefined) faults.push(`${place(node.range![0])}: the variable ${name} is not set`)
        return value ?? fallback ?? ''
      })
      if (after !== before) node.value = node.type === Scalar.PLAIN ? plain(after) : after
    }
  })
  return faults
}

function plain (text: string): unknown {
  if (PLAIN.has(text)) return PLAIN.get(text)
  return /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : text
}
