/** Coverage is asked of lib. The simulator runs lib as it was built, which to coverage is other files than those that tests import. */
export default file => file.includes('test/simulate/') ? null : []
