import neostandard from 'neostandard'
import regexp from 'eslint-plugin-regexp'

export default [
  ...neostandard({ ts: true, ignores: neostandard.resolveIgnoresFromGitignore() }),
  {
    rules: {
      // `void promise` says that nobody waits for it, on purpose.
      'no-void': ['error', { allowAsStatement: true }]
    }
  },
  {
    // Texts of clients and targets reach these: no pattern may take more than linear time.
    files: ['lib/**'],
    plugins: { regexp },
    rules: {
      'regexp/no-super-linear-backtracking': ['error', { report: 'potential' }],
      'regexp/no-super-linear-move': ['error', { report: 'potential' }]
    }
  },
  {
    // What a browser has, the compiler knows: it checks these, too.
    files: ['lib/operations/dashboard/page/*.js'],
    rules: { 'no-undef': 'off' }
  }
]
