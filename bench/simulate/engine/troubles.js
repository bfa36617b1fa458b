/** What befalls a server while time goes by: neighbours that take its processor, pauses, restarts. Times are milliseconds. */

/**
 * `{ every, lasts, speed }`: again and again, for `lasts` out of `every`, at this share of its speed, from a random point of the cycle on.
 * `{ at, lasts, speed }`: once.
 */
export function planSlowdown (clock, server, { every, at, lasts, speed }, random) {
  const begin = () => {
    server.slow(speed)
    clock.after(lasts, end, undefined)
  }
  const end = () => {
    server.recover(speed)
    if (every !== undefined) clock.after(every - lasts, begin, undefined)
  }
  if (every === undefined) {
    clock.at(at, begin, undefined)
    return
  }
  // As if it had gone on for ever: whoever is in the middle of one at the start is slow for the rest of it.
  const into = random() * every
  if (into >= lasts) {
    clock.after(every - into, begin, undefined)
  } else {
    server.slow(speed)
    clock.after(lasts - into, end, undefined)
  }
}

/** `{ up, down }`: up for so long, then down for so long, again and again, from a random point of the time it is up. */
export function planOutages (clock, server, { up, down }, random) {
  const crash = () => {
    server.crash()
    clock.after(down, restart, undefined)
  }
  const restart = () => {
    server.restart()
    clock.after(up, crash, undefined)
  }
  clock.after(random() * up, crash, undefined)
}
