import neostandard from 'neostandard'

export default [
  ...neostandard({ ts: true, ignores: neostandard.resolveIgnoresFromGitignore() }),
  {
    rules: {
      // `void promise` says that nobody waits for it, on purpose.
      'no-void': ['error', { allowAsStatement: true }]
    }
  }
]
