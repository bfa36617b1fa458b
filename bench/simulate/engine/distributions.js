/** How long requests take: for each spread, a function that draws from `random`; times have the mean that was asked for. */
const spreads = {
  constant: ({ mean }) => () => mean,

  exponential: ({ mean }, random) => () => -mean * Math.log(1 - random()),

  /** Pareto with an end: `alpha` is the tail's exponent, the longest is a thousand times the shortest. */
  pareto ({ mean, alpha }, random) {
    const longest = 1_000
    const cut = 1 - longest ** -alpha
    const ownMean = alpha / (alpha - 1) * (1 - longest ** (1 - alpha)) / cut
    return () => mean / ownMean * (1 - random() * cut) ** (-1 / alpha)
  },

  /** Most are short, a `share` of them is `ratio` times as long. */
  bimodal ({ mean, share, ratio }, random) {
    const short = mean / (1 - share + share * ratio)
    return () => random() < share ? ratio * short : short
  },

  /** A bell around its mean, as wide as the mean is high, what is below 0 drawn again: the cost of a query in Prequal's tests (NSDI 2024, §5). */
  normal ({ mean }, random) {
    // Mean of a standard normal distribution above -1, plus 1.
    const ownMean = 1.2875999709391783
    return () => {
      let value
      do value = 1 + Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
      while (value <= 0)
      return mean / ownMean * value
    }
  },

  /** `sigma`: the standard deviation of the logarithm; 1 puts the 99th percentile at ten times the median. */
  lognormal ({ mean, sigma }, random) {
    const median = mean * Math.exp(-sigma * sigma / 2)
    return () => median * Math.exp(sigma * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()))
  }
}

export const spreadNames = Object.keys(spreads)

/** A function that draws one time after the other, in milliseconds. */
export function times (options, random) {
  return spreads[options.spread](options, random)
}
