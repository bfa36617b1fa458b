/** Options of the command line, checked. Faults are RangeErrors, which are told without a stack. */

export function numberOf (values, name, fallback, least, most, is = Number.isInteger) {
  const value = Number(values[name] ?? fallback)
  if (!is(value) || value < least || value > most) throw new RangeError(`--${name}: expected ${least} to ${most}, got ${values[name]}`)
  return value
}

/** Whole numbers, separated by commas. */
export function numbersOf (values, name, fallback, least, most) {
  return (values[name]?.split(',') ?? fallback).map(value => numberOf({ [name]: value }, name, undefined, least, most))
}

/** Some of the known names, separated by commas; all by default. */
export function namesOf (values, name, known) {
  const names = values[name]?.split(',') ?? known
  const unknown = names.filter(name => !known.includes(name))
  if (unknown.length > 0) throw new RangeError(`--${name}: no ${unknown.join(', ')}; there are ${known.join(', ')}`)
  return names
}
