/** Which package may import which: the arrows of docs/architecture.md, as rules. */
const ARROWS = {
  'hsw-device': [],
  'xen-vgt': ['hsw-device'],
  'linux-vgt': ['hsw-device'],
  'qemu-vgt': ['linux-vgt', 'xen-vgt', 'hsw-device'],
};
const TESTS = '\\.(test|bench)\\.ts$|/testing(/|\\.ts$)';

const looksDown = Object.entries(ARROWS).map(([from, allowed]) => ({
  name: `${from}-looks-down`,
  severity: 'error',
  from: { path: `^packages/${from}/src`, pathNot: TESTS },
  to: { path: '^packages/', pathNot: `^packages/(${[from, ...allowed].join('|')})/` },
}));

export default {
  forbidden: [
    ...looksDown,
    {
      name: 'front-door-only',
      comment: 'Another package is entered through its src/index.ts.',
      severity: 'error',
      from: { path: '^packages/([^/]+)/' },
      to: { path: '^packages/([^/]+)/', pathNot: '^packages/($1/|[^/]+/(src|dist)/index\\.)' },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'runs-anywhere',
      comment: 'Device, hypervisor and mediator run unchanged in a browser.',
      severity: 'error',
      from: { path: '^packages/(hsw-device|xen-vgt|linux-vgt)/src', pathNot: TESTS },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'resolvable',
      severity: 'error',
      from: { path: '^packages/' },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|\\.tsc|coverage)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: {
      conditionNames: ['source', 'import', 'default'],
      exportsFields: ['exports'],
    },
  },
};
