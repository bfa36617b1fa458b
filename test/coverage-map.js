/**
 * Coverage is asked of lib. The simulator, the snippets of the docs, the command and the example run lib as it was built, which to coverage is other files than those that tests import.
 */
const BUILT = ['test/simulate/', 'test/docs/', 'test/bin/', 'test/package/', 'test/example-app/']

export default file => BUILT.some(folder => file.includes(folder)) ? null : []
