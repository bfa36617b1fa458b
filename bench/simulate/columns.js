/** What tables show of a result. `of`: its value; `digits` after the point; `share`: as a percentage. */
export const mean = { title: 'mean ms', digits: 1, of: result => result.mean }
export const p50 = { title: 'p50 ms', digits: 1, of: result => result.p50 }
export const p99 = { title: 'p99 ms', digits: 0, of: result => result.p99 }
export const p999 = { title: 'p99.9 ms', digits: 0, of: result => result.p999 }
/** Errors, and whoever waited for longer than the deadline. */
export const missed = { title: 'missed', digits: 3, share: true, of: result => result.missedShare }
export const attempts = { title: 'attempts a request', digits: 2, of: result => result.attempts }
export const ejections = { title: 'ejections', digits: 0, of: result => result.ejections }
export const atHome = { title: 'served at home', digits: 1, share: true, of: result => result.atHome }
export const momentary = { title: 'busiest ÷ mean, at a moment', digits: 2, of: result => result.busiest.momentary }
export const lasting = { title: 'busiest ÷ mean, over all', digits: 2, of: result => result.busiest.lasting }

export const p99In = name => ({ ...p99, title: `p99 ms, ${name}`, of: result => phaseOf(result, name).p99 })
export const missedIn = name => ({ ...missed, title: `missed, ${name}`, of: result => phaseOf(result, name).missedShare })
export const goodIn = name => ({ title: `good, ${name}`, digits: 1, share: true, of: result => 1 - phaseOf(result, name).missedShare })

export const usual = [mean, p99, p999, missed]

function phaseOf (result, name) {
  return result.phases.find(phase => phase.name === name)
}
