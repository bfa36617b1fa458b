import neostandard from 'neostandard'

export default [
  ...neostandard({ ts: true, ignores: neostandard.resolveIgnoresFromGitignore() }),
  {
    rules: {
      // `void promise` says that nobody waits for it, on purpose.
      'no-void': ['error', { allowAsStatement: true }]
    }
  },
  {
    // What a browser has, the compiler knows: it checks these, too.
    files: ['lib/operations/dashboard/page/*.js'],
    rules: { 'no-undef': 'off' }
  }
]
